import { until } from '../../lab/until.js';
import type { Api } from '../../lab/api.js';
import type { ChangeEventDto } from '../../src/change-events/dto/change-event.dto.js';

/** An event as it came. */
export interface ReadEvent {
  event: string;
  id: string;
  data: ChangeEventDto | { type: 'reset' };
}

/** What hears of events as a browser would (HTML, "Server-sent events"). */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** What a browser would send as Last-Event-ID. */
  lastId: string | undefined;
  ended = false;
  /** All of it. */
  text = '';
  readonly #abort = new AbortController();

  private constructor(readonly response: Response) {}

  /** @throws Error when it is answered with anything but a stream */
  static async open({ url, credentials }: Api, lastEventId?: string): Promise<EventReader> {
    const controller = new AbortController();
    const response = await fetch(`${url}/api/admin/events`, {
      signal: controller.signal,
      headers: {
        authorization: `Bearer ${credentials.key}`,
        ...(credentials.tenant === undefined ? {} : { 'x-tenant': credentials.tenant }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
    });
    if (response.status !== 200) throw new Error(`Answered with ${response.status}: ${await response.text()}`);
    const reader = new EventReader(response);
    reader.#abort.signal.addEventListener('abort', () => controller.abort());
    void reader.read();
    await until('the stream begins', () => reader.lastId);
    return reader;
  }

  close(): void {
    this.#abort.abort();
  }

  /** The types of events, in their order. */
  get types(): string[] {
    return this.events.map(({ data }) => data.type);
  }

  /** Those of one subject, or of what is of one site. */
  of(id: string): ChangeEventDto[] {
    return this.events.flatMap(({ data }) => ('subject' in data && (data.subject.id === id || data.edge_site_id === id) ? [data] : []));
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const bytes of this.response.body!) {
        const text = decoder.decode(bytes as Uint8Array, { stream: true });
        this.text += text;
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) this.take(block);
      }
    } catch {
      // Cut off.
    }
    this.ended = true;
  }

  private take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
    this.lastId = fields.get('id') ?? this.lastId;
    const data = fields.get('data');
    if (data !== undefined) this.events.push({ event: fields.get('event') ?? 'message', id: fields.get('id') ?? '', data: JSON.parse(data) as ReadEvent['data'] });
  }
}
