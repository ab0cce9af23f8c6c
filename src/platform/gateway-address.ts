import { Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Config } from './config/index.js';

/** The name in the gateway's certificate: agents know it by that, wherever it is. */
export const GATEWAY_NAME = 'agent-gateway.serviceradar';

/** What agents dial, as `host:port`: as configured or, with GATEWAY_PORT=0, as it turned out when the gateway listened. */
@Injectable()
export class GatewayAddress {
  #value: string | undefined;

  constructor(config: Config) {
    this.#value = config.gatewayAddress;
  }

  get value(): string {
    if (this.#value === undefined) throw new DomainError('unavailable', 'The gateway does not listen. With GATEWAY_PORT=0, say where it is: GATEWAY_ADDRESS.');
    return this.#value;
  }

  listening(address: string): void {
    this.#value ??= address;
  }
}
