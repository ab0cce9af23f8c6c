import type { DestinationStream } from 'pino';

interface Line {
  time: string;
  level: string;
  msg?: string;
  context?: string;
  err?: { stack?: string };
  [field: string]: unknown;
}

/** Writes each JSON line as a short one: time, level, context, message, fields; an error's stack below it. */
export function compactLines(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(compact(JSON.parse(line) as Line)) };
}

function compact({ time, level, context, msg = '', err, ...fields }: Line): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = [time.slice(11, 19), level.toUpperCase().padEnd(5), context && `[${context}]`, msg, ...shown];
  const stack = err?.stack === undefined ? '' : `${err.stack}\n`;
  return `${head.filter(Boolean).join(' ')}\n${stack}`;
}
