import { isIPv4, isIPv6 } from 'node:net';

/** Groups of an IPv6 address that name its network: whoever has a /64 has 2^64 addresses. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/** What a limit for an address counts by: an IPv4 address, or the /64 of an IPv6 address. What is no address counts as one. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]!.split('::', 2);
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')];
  const between = Array<string>(Math.max(0, GROUPS - first.length - last.length)).fill('0');
  const groups = [...first, ...between, ...last].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** An IPv4 address at the end takes the place of two groups. */
const groupsOf = (text: string) => (text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group])));
