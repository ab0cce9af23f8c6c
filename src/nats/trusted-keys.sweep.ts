import { Injectable } from '@nestjs/common';
import { parseTrustedKeys, SERVER_STATE_SUBJECT } from '#libs/nats';
import { Database, PLATFORM } from '../platform/database/index.js';
import { SweepService } from '../platform/sweep.js';
import { HubConnection } from './hub-connection.js';

const INTERVAL = 5_000;

/**
 * Takes note of which of the operator's keys the hub trusts. Its configuration says so, and a server reads that when it starts: it is asked
 * whenever it comes, and now and then, as an answer may be lost.
 */
@Injectable()
export class TrustedKeysSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly hub: HubConnection,
  ) {
    super(INTERVAL);
  }

  override onApplicationBootstrap(): void {
    this.hub.onConnected(() => this.run());
    super.onApplicationBootstrap();
  }

  async run(): Promise<void> {
    if (!this.hub.connected) return;
    const [first = [], ...others] = (await this.hub.requestAll(SERVER_STATE_SUBJECT)).map(parseTrustedKeys);
    const trusted = JSON.stringify(first.filter((key) => others.every((keys) => keys.includes(key))));
    // No other version for this: what signs is the same.
    await this.database
      .em(PLATFORM)
      .execute('update nats_operators set hub_signing_keys = ?::jsonb where hub_signing_keys is distinct from ?::jsonb', [trusted, trusted]);
  }
}
