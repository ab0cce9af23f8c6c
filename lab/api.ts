/* eslint-disable @typescript-eslint/no-explicit-any -- what the API answers is what tests are to find out */

/** What the API answered. */
export interface Answer<T = any> {
  status: number;
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
    private readonly credentials: Credentials = {},
  ) {}

  /** The same API as somebody else. */
  as(credentials: Credentials): Api {
    return new Api(this.url, credentials);
  }

  get = (path: string) => this.call('GET', path);
  post = (path: string, body: unknown = {}) => this.call('POST', path, body);
  patch = (path: string, body: unknown) => this.call('PATCH', path, body);
  delete = (path: string) => this.call('DELETE', path);

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const { key, tenant } = this.credentials;
    const response = await fetch(`${this.url}/api${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(tenant === undefined ? {} : { 'x-tenant': tenant }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const type = response.headers.get('content-type') ?? '';
    const parsed: unknown = type.includes('json') ? await response.json() : Buffer.from(await response.arrayBuffer());
    return { status: response.status, body: parsed, headers: response.headers };
  }

  /** The body of a call that must succeed. */
  async ok<T = any>(answer: Promise<Answer<T>>): Promise<T> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`The API answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
}
