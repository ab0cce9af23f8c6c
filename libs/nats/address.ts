import { isIP } from 'node:net';
import { DomainError } from '#libs/kernel';

export interface HostPort {
  /** A host name or an IP address; an IPv6 address without brackets. */
  host: string;
  /** 1 to 65535. */
  port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const UPSTREAM_SCHEMES = ['tls:', 'nats:', 'nats-leaf:', 'wss:'];

/**
 * Reads `host:port`; an IPv6 address stands in brackets, as in `[::1]:4222` (RFC 3986, section 3.2.2).
 * @throws DomainError `invalid_configuration`
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const bracketed = match?.[1];
  const address = { host: bracketed ?? match?.[2] ?? '', port: Number(match?.[3]) };
  if (!match || !isAddress(address) || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new DomainError('invalid_configuration', `This is not an address of the form host:port: ${JSON.stringify(text)}.`);
  }
  return address;
}

/** @throws DomainError `invalid_configuration` when the host or the port is none. */
export function formatHostPort(address: HostPort): string {
  if (!isAddress(address)) {
    throw new DomainError('invalid_configuration', `This is not a host and a port: ${JSON.stringify(address)}.`);
  }
  return isIP(address.host) === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Checks a URL that a leaf dials: `tls://host:port`, or `wss://host:port` for a hub behind a web proxy; the port is stated, and
 * nothing else is: credentials and paths have no place in it.
 * @throws DomainError `invalid_configuration`
 */
export function assertUpstreamUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url && url.username === '' && url.password === '' && url.search === '' && url.hash === '' && /^\/?$/.test(url.pathname);
  const authority = text.slice(text.indexOf('://') + 3).replace(/\/$/, '');
  if (!bare || !UPSTREAM_SCHEMES.includes(url.protocol)) {
    throw new DomainError('invalid_configuration', `This is not an upstream URL such as tls://hub.example.com:7422: ${JSON.stringify(text)}.`);
  }
  parseHostPort(authority);
}

const isAddress = ({ host, port }: HostPort): boolean =>
  (isIP(host) !== 0 || HOST_NAME.test(host)) && Number.isInteger(port) && port >= 1 && port <= 65535;
