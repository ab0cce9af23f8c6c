import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { type RequestOptions, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Destinations } from './destination.js';
import { NotSent } from './not-sent.js';

/** Milliseconds for all of it: names, connection, answer. */
const TIMEOUT = 10_000;

/** Bytes of an answer that are waited for. Nothing reads them. */
const ANSWER_MAX = 4_096;

/** Statuses of 4xx that will pass: a timeout, too early, too many. */
const PASSING = new Set([408, 425, 429]);

/** The name service, as `dns.lookup` with all addresses. */
export type Lookup = (host: string, options: { all: true }, callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void) => void;

interface Post {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/**
 * Sends a message by POST. The connection is made to an address that was looked at, whatever the name leads to the next moment; a redirect is
 * not followed, and so leads nowhere.
 * @throws NotSent unless the answer is 2xx
 */
export async function post({ url, headers, body }: Post, destinations: Destinations, lookup: Lookup = systemLookup): Promise<void> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
  // An address is not looked up.
  if (isIP(host) !== 0 && !destinations.allows(host, target.protocol)) throw notAllowed(host);
  const status = await statusOf(target, headers, body, checked(lookup, destinations, target.protocol));
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) throw new NotSent(`${target.host} answered with a redirect (${status}), which is not followed.`);
  throw new NotSent(`${target.host} answered ${status}.`, status >= 400 && status < 500 && !PASSING.has(status));
}

function statusOf(target: URL, headers: Record<string, string>, body: string, lookup: LookupFunction): Promise<number> {
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    lookup,
    // A connection of its own: one that is kept was made to another address, perhaps.
    agent: false,
    signal: AbortSignal.timeout(TIMEOUT),
  };
  return new Promise((resolve, reject) => {
    const sending = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options, (response) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_MAX) response.destroy();
      });
      // It was answered, whatever became of the rest.
      response.on('error', () => undefined);
      response.on('close', () => resolve(response.statusCode ?? 0));
    });
    sending.on('error', (error) => reject(explained(error, target.host)));
    sending.end(body);
  });
}

/** Of a name of which any address is not allowed, none is taken: which one it would be is chance. */
function checked(lookup: Lookup, destinations: Destinations, protocol: string): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      if (addresses.length === 0 || !addresses.every(({ address }) => destinations.allows(address, protocol))) return callback(notAllowed(host) as NodeJS.ErrnoException, []);
      if (options.all) return callback(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

const notAllowed = (host: string) =>
  new NotSent(`${host} is not on the public Internet, or is reached in the clear. Whoever runs the service can allow its network: ALERT_NETWORKS.`);

function explained(error: Error, host: string): NotSent {
  if (error instanceof NotSent) return error;
  const { code, name } = error as NodeJS.ErrnoException;
  const why = name === 'TimeoutError' || name === 'AbortError' ? `within ${TIMEOUT / 1000} seconds` : `(${code ?? name})`;
  return new NotSent(`${host} could not be reached ${why}.`, false, error);
}
