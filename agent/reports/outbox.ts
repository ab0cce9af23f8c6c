import { type ServiceError, status } from '@grpc/grpc-js';
import { sentenceOf } from '../agent-error.js';
import type { StatusRequest } from '../gateway/wire.js';
import type { Log } from '../log.js';
import type { Spool } from '../spool/spool.js';

export interface OutboxOptions {
  spool: Spool;
  isConnected: () => boolean;
  /** Sends reports in their order. @throws what the call throws */
  send: (reports: readonly StatusRequest[]) => Promise<void>;
  log: Log;
}

/** Reports on their way to the gateway: sent at once, or kept until they can be, and then sent in the order in which they were made. */
export class Outbox {
  #isDraining = false;
  #isFull = false;

  constructor(private readonly options: OutboxOptions) {}

  /** Sends a report, or keeps it. It throws nothing. */
  async put(report: StatusRequest): Promise<void> {
    const { spool, isConnected } = this.options;
    if (isConnected() && spool.isEmpty && !this.#isDraining) {
      try {
        await this.options.send([report]);
        return;
      } catch (error) {
        if (isUnusable(error)) return this.giveUp(error);
      }
    }
    this.keep(report);
    await this.drain();
  }

  /** Sends what was kept, as long as the gateway takes it. It throws nothing. */
  async drain(): Promise<void> {
    const { spool, isConnected, send, log } = this.options;
    if (this.#isDraining) return;
    this.#isDraining = true;
    let sent = 0;
    try {
      while (isConnected()) {
        const batch = spool.oldest();
        if (batch === undefined) break;
        const reports = batch.records.map(({ content }) => decode(content));
        await send(reports).catch((error: unknown) => (isUnusable(error) ? this.sendSingly(reports) : Promise.reject(error as Error)));
        spool.remove(batch.segment);
        sent += reports.length;
      }
    } catch {
      // The connection has said why. What is left is tried again with the next report.
    } finally {
      this.#isDraining = false;
    }
    if (sent > 1) log.info('sent what was kept while the gateway was away', { reports: sent, dropped: spool.dropped });
  }

  private async sendSingly(reports: readonly StatusRequest[]): Promise<void> {
    for (const report of reports) {
      await this.options.send([report]).catch((error: unknown) => (isUnusable(error) ? this.giveUp(error) : Promise.reject(error as Error)));
    }
  }

  private keep(report: StatusRequest): void {
    const { spool, log } = this.options;
    try {
      spool.append(encode(report));
      this.#isFull = false;
    } catch (error) {
      if (!this.#isFull) log.error('a report cannot be kept: the newest is sent when the gateway is back, what was before is lost', { error: sentenceOf(error) });
      this.#isFull = true;
    }
  }

  private giveUp(error: unknown): void {
    this.options.spool.giveUp(1);
    this.options.log.error('the gateway does not take a report, which is left out', { error: (error as ServiceError).details });
  }
}

/** Sent again, it would be refused again. */
const isUnusable = (error: unknown): boolean => (error as Partial<ServiceError>).code === status.INVALID_ARGUMENT;

/** As JSON, with what a check found as the text that it is. */
const encode = ({ services, timestamp }: StatusRequest): Buffer => Buffer.from(JSON.stringify({ timestamp, services: services.map(({ salient: _salient, message, ...one }) => ({ ...one, message: message.toString('utf8') })) }));

function decode(content: Buffer): StatusRequest {
  const { services, timestamp } = JSON.parse(content.toString('utf8')) as { timestamp: number; services: (Omit<StatusRequest['services'][number], 'message'> & { message: string })[] };
  return { timestamp, services: services.map((one) => ({ ...one, message: Buffer.from(one.message) })) };
}
