import { randomBytes } from 'node:crypto';
import { SMTPServer } from 'smtp-server';
import { type Api, ok } from '../../lab/api.js';
import { freePort } from '../../lab/free-port.js';
import { until } from '../../lab/until.js';
import type { AlertChannelDto } from '../../src/alerts/dto/alert-channel.dto.js';
import type { AlertDeliveryDto } from '../../src/alerts/dto/alert-delivery.dto.js';
import type { Canaries, Searched } from './canaries.js';
import { Receiver } from './receiver.js';

const SOMEBODY = 'on-call@acme.example';
const NOBODY = 'nobody@acme.example';

const secret = () => randomBytes(32).toString('base64url');

/** Servers that alerts are sent to: they repeat what they were told, secrets included, to whoever has told them. */
export class CanaryChannels {
  #isOpen = true;
  private readonly password = secret();
  private readonly smtp: SMTPServer;

  private constructor(
    private readonly canaries: Canaries,
    private readonly receiver: Receiver,
    private readonly smtpPort: number,
  ) {
    canaries.plant('the password of the mail server', this.password);
    receiver.answer = ({ url, headers }, response) => {
      const [, status] = /^\/(\d+)\//.exec(url)!;
      response.writeHead(Number(status), `said ${url}`, { location: url, 'x-said': JSON.stringify(headers) }).end(url);
    };
    this.smtp = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, callback) =>
        this.#isOpen ? callback(null, { user: username }) : callback(Object.assign(new Error(`wrong: ${username} ${password}`), { responseCode: 535 })),
      onRcptTo: ({ address }, _session, callback) =>
        callback(address === NOBODY ? Object.assign(new Error(`unknown, but you are ${this.password}`), { responseCode: 550 }) : undefined),
      onData: (stream, _session, callback) => void stream.on('end', () => callback()).resume(),
    });
  }

  static async start(canaries: Canaries): Promise<CanaryChannels> {
    const channels = new CanaryChannels(canaries, await Receiver.start(), await freePort());
    await new Promise<void>((resolve) => void channels.smtp.listen(channels.smtpPort, '127.0.0.1', resolve));
    return channels;
  }

  /** Of the service that sends to them. */
  get env(): NodeJS.ProcessEnv {
    return { ALERT_NETWORKS: '127.0.0.0/8', SMTP_URL: `smtp://alerts:${this.password}@127.0.0.1:${this.smtpPort}`, MAIL_FROM: 'alerts@edge.example' };
  }

  /**
   * Has an alert told to channels of all kinds, of which some take it and some do not, in each way there is.
   * @param api of a tenant with a site that is provisioned
   * @returns what the tenant is shown of channels and deliveries
   */
  async use(api: Api): Promise<Searched[]> {
    const create = (body: object) => ok(api.post<AlertChannelDto>('/admin/alert-channels', { name: 'On call', ...body }));
    const at = (origin: string, status = 204) => `${origin}/${status}/${this.planted('the path')}?token=${this.planted('the query')}`;
    const receiver = `http://127.0.0.1:${this.receiver.port}`;
    const ways = [at(receiver, 503), at(receiver, 404), at(receiver, 302), at(`http://127.0.0.1:${await freePort()}`), at(receiver.replace('http:', 'https:')), at('https://nowhere.invalid'), at('http://192.0.2.1')];
    const taking = await Promise.all([this.webhook(at(receiver)), this.slack(at(receiver)), { kind: 'email', recipients: [SOMEBODY] }].map(create));
    const failing = await Promise.all([...ways.flatMap((url) => [this.webhook(url), this.slack(url)]), { kind: 'email', recipients: [NOBODY] }].map(create));
    const ids = [...taking, ...failing].map(({ id }) => id);
    await ok(api.post('/admin/alert-rules', { name: 'Expires', kind: 'cert_expires_within', threshold: 365 * 86_400, severity: 'info', channel_ids: ids.slice(0, 16) }));
    for (const id of ids.slice(16)) await ok(api.post(`/admin/alert-channels/${id}/test`));
    for (const { id } of taking) await this.delivery(api, id, ({ status }) => status === 'sent');
    for (const { id } of failing) await this.delivery(api, id, ({ last_error }) => last_error !== null);

    this.#isOpen = false;
    await ok(api.post(`/admin/alert-channels/${taking.at(-1)!.id}/test`));
    await this.delivery(api, taking.at(-1)!.id, ({ status, event }) => status === 'failed' && event === 'test');
    await ok(api.patch(`/admin/alert-channels/${failing[0]!.id}`, { url: at(receiver, 404), secret: this.planted('the other key') }));
    await this.delivery(api, failing[0]!.id, ({ status }) => status === 'failed');
    const paths = ['/admin/alert-channels?limit=200', ...ids.flatMap((id) => [`/admin/alert-channels/${id}`, `/admin/alert-channels/${id}/deliveries`])];
    return Promise.all(paths.map(async (path) => ({ where: `the answer to GET ${path}`, text: JSON.stringify(await ok(api.get(path))) })));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.smtp.close(resolve));
    await this.receiver.stop();
  }

  private webhook(url: string): object {
    return { kind: 'webhook', url, secret: this.planted('the key') };
  }

  private slack(url: string): object {
    return { kind: 'slack', url };
  }

  private planted(what: string): string {
    return this.canaries.plant(`${what} of a channel`, secret());
  }

  private delivery(api: Api, channelId: string, isSo: (delivery: AlertDeliveryDto) => boolean): Promise<unknown> {
    const path = `/admin/alert-channels/${channelId}/deliveries`;
    return until('its message is on record as it is to be', async () => (await ok(api.get<{ data: AlertDeliveryDto[] }>(path))).data.some(isSo));
  }
}
