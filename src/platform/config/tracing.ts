import { Secret } from '#libs/kernel';
import type { TracingConfig } from './config.js';
import { type Environment, type Format, Refusal, url } from './environment.js';

const VARIABLES = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_SERVICE_NAME', 'OTEL_TRACES_SAMPLER_ARG'] as const;

/** Reads `OTEL_*`. Undefined without `OTEL_EXPORTER_OTLP_ENDPOINT`. */
export function tracingFrom(environment: Environment): TracingConfig | undefined {
  const endpoint = environment.read('OTEL_EXPORTER_OTLP_ENDPOINT', collector);
  const headers = environment.read('OTEL_EXPORTER_OTLP_HEADERS', headersOf);
  const serviceName = environment.read('OTEL_SERVICE_NAME', name) ?? 'serviceradar-edge';
  const ratio = environment.read('OTEL_TRACES_SAMPLER_ARG', share) ?? 1;
  if (endpoint !== undefined) return { endpoint, headers, serviceName, ratio };
  for (const variable of VARIABLES) {
    if (environment.has(variable)) environment.refuse(variable, 'means nothing without OTEL_EXPORTER_OTLP_ENDPOINT');
  }
  return undefined;
}

const collector: Format<string> = (text) => {
  const { username, password, search, hash, href } = url('http', 'https')(text);
  if (username || password || search || hash) throw new Refusal('must hold no user name, password, query or fragment; credentials go into OTEL_EXPORTER_OTLP_HEADERS');
  return href.replace(/(?<!\/)\/+$/, '');
};

/** `<name>=<value>`, separated by commas, values percent-encoded (OpenTelemetry, "Specifying headers via environment variables"). */
const headersOf: Format<Secret<Readonly<Record<string, string>>>> = (text) => {
  const headers = text.split(',').map((entry, at) => {
    const [header = '', value] = entry.split(/=(.*)/s, 2).map((part) => part.trim());
    const isHeader = value !== undefined && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header) && /^[\x21-\x7e]*$/.test(value);
    if (!isHeader) throw new Refusal(`must be <name>=<value> entries separated by commas; entry ${at + 1} is not`);
    return [header, decoded(value, at + 1)] as const;
  });
  return new Secret(Object.fromEntries(headers));
};

function decoded(value: string, number: number): string {
  try {
    const text = decodeURIComponent(value);
    if (/^[\x20-\x7e]*$/.test(text)) return text;
  } catch {
    // As below.
  }
  throw new Refusal(`must hold percent-encoded printable ASCII as values; entry ${number} does not`);
}

const name: Format<string> = (text) => {
  if (text.length > 255 || /\p{Cc}/u.test(text)) throw new Refusal('must be at most 255 characters, none of them a control character');
  return text;
};

const share: Format<number> = (text) => {
  const ratio = Number(text);
  if (!/^\d(?:\.\d{1,6})?$/.test(text) || ratio > 1) throw new Refusal('must be a number from 0 to 1');
  return ratio;
};
