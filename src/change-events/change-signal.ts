import { Client } from 'pg';

/** What the trigger notifies of (migration 29). */
const CHANNEL = 'change_events';

/** How long after its connection was lost another one is made, in milliseconds. */
const AGAIN_AFTER = 1_000;

/** Hears at once that something has changed. It may miss some: whoever relies on it looks now and then all the same. */
export class ChangeSignal {
  #client: Client | undefined;
  #again: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param heard called for each transaction that changed something, and when it hears again after it did not */
  constructor(
    private readonly databaseUrl: string,
    private readonly heard: () => void,
  ) {}

  start(): void {
    void this.listen().catch(() => this.again());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#again);
    await this.#client?.end().catch(() => undefined);
  }

  private async listen(): Promise<void> {
    const client = new Client({ connectionString: this.databaseUrl, keepAlive: true, connectionTimeoutMillis: 3_000, application_name: 'serviceradar-edge events' });
    this.#client = client;
    // An end follows.
    client.on('error', () => undefined);
    client.on('notification', this.heard);
    await client.connect();
    client.on('end', () => this.again());
    await client.query(`listen ${CHANNEL}`);
    if (this.#stopped) await client.end();
    this.heard();
  }

  private again(): void {
    if (this.#stopped) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.start(), AGAIN_AFTER).unref();
  }
}
