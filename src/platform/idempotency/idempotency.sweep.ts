import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from '../database/index.js';
import { SweepService } from '../sweep.js';

const INTERVAL = 60_000;
const BATCH = 1_000;

const DELETE = `
  delete from idempotency_keys where id in (select id from idempotency_keys where expires_at <= now() limit ? for update skip locked) returning id`;

/** Removes keys whose time is over, and with them the answers. */
@Injectable()
export class IdempotencySweep extends SweepService {
  constructor(private readonly database: Database) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    while ((await this.database.statement(PLATFORM, DELETE, [BATCH])).length === BATCH);
  }
}
