import { Injectable } from '@nestjs/common';
import { Config } from '../platform/config/index.js';
import { HubAddress } from './hub-address.js';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);

/** Whether a host is this machine as it calls itself: nobody else can dial it. */
export const isLoopback = (host: string): boolean => LOOPBACK.has(host);

/** Hosts of the platform itself. Everybody trusts the root, so no certificate of a tenant's may name one of them. */
@Injectable()
export class PlatformHosts {
  constructor(
    private readonly config: Config,
    private readonly hub: HubAddress,
  ) {}

  /** Loopback names are nobody's: they stand in every listener's certificate. */
  get reserved(): string[] {
    const urls = [this.hub.leafUpstreamUrl, this.hub.clientUrl, this.hub.publicUrl, this.config.publicUrl];
    return urls.flatMap((url) => (url === undefined ? [] : [hostOf(url)])).filter((host) => !isLoopback(host));
  }
}

/** The host of a URL as it stands in a certificate: an IPv6 address without the brackets. */
export const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
