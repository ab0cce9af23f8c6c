import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from '../database/index.js';
import { SweepService } from '../sweep.js';

const INTERVAL = 60_000;

/** Removes what was counted in windows that are over. */
@Injectable()
export class RateLimitsSweep extends SweepService {
  constructor(private readonly database: Database) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    await this.database.statement(PLATFORM, 'delete from rate_limits where ends_at <= now()', []);
  }
}
