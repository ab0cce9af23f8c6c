import { type Answer, Api } from '../../lab/api.js';
import type { Canaries, Searched } from './canaries.js';
import { unpack } from './unpack.js';

/** Fields of answers that are shown once. */
const SHOWN_ONCE = new Set(['key', 'token', 'creds']);

/** What a caller got to see: secrets, which are planted, and refusals, which are searched for them. */
export class RecordedApi extends Api {
  constructor(
    url: string,
    credentials: Api['credentials'],
    private readonly canaries: Canaries,
    readonly refusals: Searched[] = [],
  ) {
    super(url, credentials);
  }

  override as(credentials: Api['credentials']): RecordedApi {
    return new RecordedApi(this.url, credentials, this.canaries, this.refusals);
  }

  override async call<T>(...[method, path, options]: Parameters<Api['call']>): Promise<Answer<T>> {
    const answer = await super.call<T>(method, path, options);
    if (answer.status >= 400) this.refused(`${method} ${path.split('?')[0]!.slice(0, 60)}`, answer);
    else if (answer.body instanceof Buffer) await this.keepFiles(answer.body);
    else this.keep(answer.body);
    return answer;
  }

  private refused(what: string, { status, headers, body }: Answer<unknown>): void {
    const text = JSON.stringify([...headers]) + (body instanceof Buffer ? body.toString('latin1') : JSON.stringify(body));
    this.refusals.push({ where: `the answer ${status} to ${what}`, text });
  }

  private keep(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, field] of Object.entries(value)) {
      if (SHOWN_ONCE.has(name) && typeof field === 'string') this.plant(name, field);
      else this.keep(field);
    }
  }

  private async keepFiles(body: Buffer): Promise<void> {
    if (body[0] !== 0x1f) return;
    for (const [path, { text }] of await unpack(body)) this.plant(path.replace(/^[^/]+/, 'bundle'), text);
  }

  /** What is inside of a file is secret, not its frame. */
  private plant(name: string, text: string): void {
    const seeds = text.match(/S[UA][A-Z2-7]{56}/g) ?? [];
    const keys = [...text.matchAll(/PRIVATE KEY-----\n([^-]+)-----END/g)].flatMap(([, body]) => body!.trim().split('\n').slice(1));
    const inside = [...seeds, ...keys];
    if (!text.includes('\n')) inside.push(text);
    for (const secret of inside.filter(({ length }) => length >= 16)) this.canaries.plant(name, secret);
  }
}
