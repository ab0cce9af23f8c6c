import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../../platform/config/index.js';

/** Where webhooks may lead: to the public Internet, and to what the configuration names besides. */
export class Destinations {
  readonly #allowed = new BlockList();

  constructor(private readonly networks: Config['alertNetworks']) {
    for (const entry of networks) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      this.#allowed.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
    }
  }

  /** Whether `http://` leads anywhere at all. */
  get takesPlainHttp(): boolean {
    return this.networks.length > 0;
  }

  /** @param address an IP address, as a resolver gives it */
  allows(address: string, protocol: string): boolean {
    const named = this.#allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
    return named || (protocol === 'https:' && isPublic(address));
  }
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is of the public Internet: not loopback, private, link-local (where clouds have their metadata), shared (RFC 6598), multicast or
 * reserved; and of IPv6, none that holds an IPv4 address which another machine would take apart (mapped, 6to4, NAT64, Teredo).
 */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST);
}
