/** What the API answered. */
export interface Answer<T> {
  status: number;
  /** Parsed JSON; a Buffer when it is something else, which is empty for a stream of events. */
  body: T;
  headers: Headers;
}

interface Credentials {
  key?: string;
  /** Slug or id, for a platform admin. */
  tenant?: string;
}

/** A REST client as thin as curl: it hides no status and no header. */
export class Api {
  constructor(
    readonly url: string,
    readonly credentials: Credentials = {},
  ) {}

  /** The same API as somebody else. */
  as(credentials: Credentials): Api {
    return new Api(this.url, credentials);
  }

  get = <T>(path: string) => this.call<T>('GET', path);
  post = <T>(path: string, body: unknown = {}) => this.call<T>('POST', path, { body });
  patch = <T>(path: string, body: unknown) => this.call<T>('PATCH', path, { body });
  delete = <T>(path: string) => this.call<T>('DELETE', path);

  async call<T>(method: string, path: string, { body, headers }: { body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer<T>> {
    const { key, tenant } = this.credentials;
    const response = await fetch(`${this.url}/api${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(tenant === undefined ? {} : { 'x-tenant': tenant }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const type = response.headers.get('content-type') ?? '';
    const parsed: unknown = type.startsWith('text/event-stream') ? await nothingOf(response) : type.includes('json') ? await response.json() : Buffer.from(await response.arrayBuffer());
    return { status: response.status, body: parsed as T, headers: response.headers };
  }
}

/** A stream of events does not end by itself. */
async function nothingOf(response: Response): Promise<Buffer> {
  await response.body?.cancel();
  return Buffer.alloc(0);
}

/** The body of a call that must succeed. */
export async function ok<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`The API answered ${status}: ${JSON.stringify(body)}`);
  return body;
}
