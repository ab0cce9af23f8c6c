import { Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Config } from '../platform/config/index.js';

/** Where the hub is: as configured or, for the local hub on free ports, as it turned out. */
@Injectable()
export class HubAddress {
  #clientUrl: string | undefined;
  #leafUpstreamUrl: string | undefined;
  readonly #publicUrl: string | undefined;

  constructor(config: Config) {
    this.#publicUrl = config.natsPublicUrl;
    this.#clientUrl = config.natsUrl;
    this.#leafUpstreamUrl = config.natsLeafUpstreamUrl;
  }

  /** What clients of the hub dial. */
  get clientUrl(): string {
    return known(this.#clientUrl);
  }

  /** What collectors dial that belong to no site. */
  get publicUrl(): string {
    return this.#publicUrl ?? this.clientUrl;
  }

  /** What leaves dial. */
  get leafUpstreamUrl(): string {
    return known(this.#leafUpstreamUrl);
  }

  /** The local hub listens. What was configured stays: leaves may come in through a proxy. */
  listening({ clientPort, leafPort }: { clientPort: number; leafPort: number }): void {
    this.#clientUrl ??= `nats://127.0.0.1:${clientPort}`;
    this.#leafUpstreamUrl ??= `tls://127.0.0.1:${leafPort}`;
  }
}

function known(url: string | undefined): string {
  if (url === undefined) throw new DomainError('unavailable', 'The hub does not listen yet.', { retryable: true });
  return url;
}
