import type { LoggerService } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Level, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config/index.js';
import { compactLines } from './compact-lines.js';
import { redactFields, redactText } from './redact.js';
import { requestContext } from './request-context.js';
import { serializeError } from './serialize-error.js';

/** Parts of Nest that tell at each start what never changes. */
const FRAMEWORK = new Set(['NestFactory', 'NestApplication', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Nest's logger, on pino: one JSON object per line, with the request's id, without secrets. */
export class JsonLogger implements LoggerService {
  readonly #pino: Logger;

  constructor(level: Config['logLevel'], destination: DestinationStream) {
    this.#pino = pino(
      {
        level,
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        formatters: {
          level: (label) => ({ level: label }),
          log: (fields) => redactFields(fields) as Record<string, unknown>,
        },
        mixin: () => {
          const { requestId, trace: context } = requestContext.getStore() ?? {};
          const traceId = context && trace.getSpanContext(context)?.traceId;
          return { ...(requestId !== undefined && { request_id: requestId }), ...(traceId !== undefined && { trace_id: traceId }) };
        },
        serializers: { err: serializeError },
        // The last step before the line is out: what quotes a secret in the middle of a text is caught here.
        hooks: { streamWrite: redactText },
      },
      destination,
    );
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write(FRAMEWORK.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest gives a message or an object, perhaps a text or a stack, and the context (a class's name) last. */
  #write(level: Level, message: unknown, rest: unknown[]): void {
    const texts = rest.filter((one) => typeof one === 'string');
    const context = texts.length > 0 ? { context: texts.at(-1) } : {};
    const text = texts.length > 1 ? texts[0] : undefined;
    const thrown = rest.find((one) => one instanceof Error);
    if (message instanceof Error) {
      this.#pino[level]({ ...context, err: message }, text ?? message.message);
    } else if (typeof message === 'object' && message !== null) {
      this.#pino[level]({ ...context, ...message }, text);
    } else {
      const cause = thrown !== undefined ? { err: thrown } : text !== undefined && { stack: text };
      this.#pino[level]({ ...context, ...cause }, String(message));
    }
  }
}

/** Logs to standard output: JSON, or lines for people when somebody watches a development server. */
export function standardLogger({ environment, logLevel }: Pick<Config, 'environment' | 'logLevel'>): JsonLogger {
  const isWatched = environment === 'development' && process.stdout.isTTY;
  return new JsonLogger(logLevel, isWatched ? compactLines(process.stdout) : process.stdout);
}
