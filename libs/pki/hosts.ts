import { isIP, isIPv4 } from 'node:net';
import { DomainError } from '#libs/kernel';

/** Hosts as a certificate names them (RFC 5280, section 4.2.1.6). */
export interface HostNames {
  /** Lower case, no trailing dot. */
  readonly dnsNames: readonly string[];
  /** IPv4 in dotted form, IPv6 in the form of RFC 5952. */
  readonly ipAddresses: readonly string[];
}

// RFC 1123, section 2.1, and the underscore: container networks hand out such names, and TLS clients match them.
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

// A name whose last label is a number reads as an IPv4 address in many programs (WHATWG URL, section 3.5).
const ENDS_IN_NUMBER = /(?:^|\.)\d+$/;

/**
 * Sorts hosts into DNS names and IP addresses, each in its one canonical form, each once, in the order given. An IPv6 address may
 * stand in brackets, as a URL has it.
 * @throws DomainError `profile_violation` naming the first that is not a host: wildcards, ports, zones, labels over 63 and names over 253 characters.
 */
export function sortHosts(hosts: readonly string[]): HostNames {
  const dnsNames = new Set<string>();
  const ipAddresses = new Set<string>();
  for (const host of hosts) {
    const canonical = canonicalHost(host);
    if (isIP(canonical) === 0) dnsNames.add(canonical);
    else ipAddresses.add(canonical);
  }
  return { dnsNames: [...dnsNames], ipAddresses: [...ipAddresses] };
}

/**
 * The one form in which a certificate names a host: a DNS name in lower case, an address as in `HostNames`.
 * @throws DomainError `profile_violation` when the text is not a host.
 */
export function canonicalHost(host: string): string {
  const address = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  if (isIPv4(host)) return assigned(host);
  if (isIP(address) === 6 && !address.includes('%')) return canonicalIPv6(compressed(address));
  // Tested before it is put in lower case, which makes an ASCII k of a Kelvin sign.
  if (DNS_NAME.test(host) && !ENDS_IN_NUMBER.test(host)) return host.toLowerCase();
  throw new DomainError(
    'profile_violation',
    `A certificate cannot name ${JSON.stringify(host.slice(0, 300))}: it is neither a DNS name (labels of up to 63, in all up to 253 letters, digits and hyphens) nor an IP address.`,
  );
}

/** An IPv6 address as URLs have it: in lower case, with its longest run of zeros left out. */
const compressed = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

// RFC 4291, section 2.5.5. Verifiers take a mapped address for the IPv4 address in it.
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
const COMPATIBLE_OR_UNSPECIFIED = /^::(?:[0-9a-f]{1,4}:[0-9a-f]{1,4})?$/;

/** @param address as URLs have it: in lower case and compressed */
function canonicalIPv6(address: string): string {
  const mapped = MAPPED.exec(address);
  if (mapped) return assigned(Buffer.from(mapped.slice(1).map((group) => group.padStart(4, '0')).join(''), 'hex').join('.'));
  return assigned(address);
}

/** Refuses an address that nobody has. @param address in its canonical form */
function assigned(address: string): string {
  if (address !== '0.0.0.0' && !COMPATIBLE_OR_UNSPECIFIED.test(address)) return address;
  throw new DomainError('profile_violation', `A certificate cannot name ${address}: that is nobody's address.`);
}

/** The octets of a canonical address in network byte order: 4 for IPv4, 16 for IPv6. */
export function addressOctets(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const [before, after] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** The canonical text of 4 or 16 octets; undefined for any other number of them. */
export function addressFromOctets(octets: Uint8Array): string | undefined {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return undefined;
  const groups = Buffer.from(octets).toString('hex').match(/.{4}/g) ?? [];
  // What somebody else wrote into a certificate is shown as it is, even if none of ours would name it.
  return compressed(groups.join(':'));
}
