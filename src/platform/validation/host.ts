import { isIP, isIPv6 } from 'node:net';

// RFC 1123, section 2.1. A last label of digits only is refused: a wrong IPv4 address would pass for a name.
const DNS_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Whether it is a DNS name (no wildcard, no dot at the end) or an IP address without brackets or zone. */
export const isHost = (text: string): boolean => DNS_NAME.test(text) || (isIP(text) !== 0 && !text.includes('%'));

export const isPort = (text: string): boolean => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`, taken apart; undefined when it is none of them. */
export function splitHostPort(text: string): { host: string; port: string | undefined } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || !isHost(host) || (bracketed !== undefined && !isIPv6(bracketed))) return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  return { host, port };
}

/** `host:port`, with an IPv6 address in brackets. */
export const isListenAddress = (text: string): boolean => splitHostPort(text)?.port !== undefined;

/** `tls://` or `nats://`, a host, perhaps a port; nothing else, as the rest would hold credentials or mean nothing to NATS. */
export function isNatsUrl(text: string): boolean {
  const authority = /^(?:tls|nats):\/\/(.*)$/s.exec(text)?.[1];
  return authority !== undefined && splitHostPort(authority) !== undefined;
}

/** Whether a URL is `https://`, or `http://` to the machine itself, which no network carries. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname));
}
