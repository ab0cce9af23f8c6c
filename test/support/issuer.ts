import { createServer, type Server } from 'node:http';
import { exportJWK, exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, type JWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type Context } from 'oidc-provider';
import { freePort } from '../../lab/free-port.js';

/** The key that the issuer signs with. */
export interface IssuerKey {
  alg: 'RS256' | 'ES256' | 'EdDSA';
  kid: string;
  privatePem: string;
  publicPem: string;
}

const CLIENT = { id: 'console', secret: 'of-the-console', redirectUri: 'https://console.example/callback' };
/** Of all that the issuer hands out, in seconds. */
const LIFETIME = 300;

/** Says to the issuer what it is to put into a token: JSON as base64. */
const CLAIMS_HEADER = 'x-test-claims';

/** An OpenID Connect server on a port of 127.0.0.1: oidc-provider, whose resource is the API. */
export class TestIssuer {
  #server: Server | undefined;
  #key: IssuerKey | undefined;

  private constructor(
    private readonly port: number,
    readonly audience: string,
  ) {}

  /** One that does not answer until it is started. */
  static async reserve(audience = 'https://edge.example/api'): Promise<TestIssuer> {
    return new TestIssuer(await freePort(), audience);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a service is told that lets this issuer's people in. */
  get env(): Record<string, string> {
    return {
      OIDC_ISSUER: this.url,
      OIDC_AUDIENCE: this.audience,
      OIDC_ROLES: 'edge-platform=platform_admin,edge-admins=admin,edge-operators=operator,edge-viewers=viewer',
      OIDC_ROLES_CLAIM: 'realm_access.roles',
      OIDC_TENANT_CLAIM: 'tenant',
    };
  }

  get key(): IssuerKey {
    if (this.#key === undefined) throw new Error('The issuer has not been started yet.');
    return this.#key;
  }

  /** Starts it with a key of its own, or with a given one. */
  async start(key?: IssuerKey): Promise<void> {
    this.#key = key ?? (await newKey('RS256', 'first'));
    const provider = quiet(this.url, await configuration(this.#key));
    const server = createServer(provider.callback());
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', resolve));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /**
   * An access token by the client credentials grant (RFC 6749, section 4.4) for the resource (RFC 8707).
   * @param claims beside what the issuer puts into each token
   * @param resource what it is for; this API when absent
   */
  async token(claims: Record<string, unknown>, resource = this.audience): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource });
    const { access_token } = await this.grant(body, claims);
    return access_token;
  }

  /** What somebody gets who signs in with a browser (authorization code, PKCE). */
  async signIn(login: string, claims: Record<string, unknown>): Promise<{ access_token: string; id_token: string }> {
    const verifier = 'v'.repeat(43);
    const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url');
    const asked = { client_id: CLIENT.id, response_type: 'code', scope: 'openid', redirect_uri: CLIENT.redirectUri, resource: this.audience };
    const browser = new Browser(this.url);
    let at = await browser.get(`/auth?${new URLSearchParams({ ...asked, code_challenge: challenge, code_challenge_method: 'S256' })}`);
    at = await browser.post(at.pathname, { prompt: 'login', login, password: 'any' });
    at = await browser.get(at.pathname);
    at = await browser.post(at.pathname, { prompt: 'consent' });
    at = await browser.get(at.pathname);
    const code = at.searchParams.get('code');
    if (code === null) throw new Error(`The issuer gave no code: ${at.href}`);
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CLIENT.redirectUri, code_verifier: verifier, resource: this.audience });
    return (await this.grant(body, claims)) as { access_token: string; id_token: string };
  }

  private async grant(body: URLSearchParams, claims: Record<string, unknown>): Promise<{ access_token: string }> {
    const authorization = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;
    const response = await fetch(`${this.url}/token`, { method: 'POST', body, headers: { authorization, [CLAIMS_HEADER]: Buffer.from(JSON.stringify(claims)).toString('base64') } });
    if (!response.ok) throw new Error(`The issuer answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as { access_token: string };
  }

  /** A token that the issuer's key has signed, with whatever in it. Right but for what is given. */
  async forge(claims: JWTPayload, header: Record<string, unknown> = {}, key: IssuerKey = this.key): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.url, aud: this.audience, sub: 'forged', iat: now, exp: now + LIFETIME, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }).sign(await importPKCS8(key.privatePem, key.alg));
  }
}

export async function newKey(alg: IssuerKey['alg'], kid: string): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privatePem: await exportPKCS8(privateKey), publicPem: await exportSPKI(publicKey) };
}

/** It warns at each start of what is right in a test: that it forgets, and that any password is. */
function quiet(...of: ConstructorParameters<typeof Provider>): Provider {
  const { warn } = console;
  console.warn = () => {};
  try {
    return new Provider(...of);
  } finally {
    console.warn = warn;
  }
}

async function configuration({ alg, kid, privatePem }: IssuerKey): Promise<object> {
  const jwk: JWK = { ...(await exportJWK(await importPKCS8(privatePem, alg, { extractable: true }))), alg, kid, use: 'sig' };
  return {
    jwks: { keys: [jwk] },
    cookies: { keys: ['of-the-test'] },
    ttl: Object.fromEntries(['ClientCredentials', 'AccessToken', 'IdToken', 'Interaction', 'Session', 'Grant'].map((kind) => [kind, LIFETIME])),
    findAccount: (_ctx: Context, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [CLIENT.redirectUri],
        grant_types: ['client_credentials', 'authorization_code'],
        id_token_signed_response_alg: alg,
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx: Context, resource: string) => ({ audience: resource, scope: '', accessTokenFormat: 'jwt', jwt: { sign: { alg } }, accessTokenTTL: LIFETIME }),
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: (ctx: Context) => JSON.parse(Buffer.from(ctx.get(CLAIMS_HEADER), 'base64').toString()) as object,
  };
}

/** As much of a browser as signing in takes: it keeps cookies, and says where it is sent. */
class Browser {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly origin: string) {}

  get = (path: string) => this.follow(path, {});
  post = (path: string, form: Record<string, string>) => this.follow(path, { method: 'POST', body: new URLSearchParams(form) });

  private async follow(path: string, init: RequestInit): Promise<URL> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(new URL(path, this.origin), { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.#cookies.set(name!, value!);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`The issuer answered ${response.status} to ${path}: ${(await response.text()).slice(0, 300)}`);
    return new URL(location, this.origin);
  }
}
