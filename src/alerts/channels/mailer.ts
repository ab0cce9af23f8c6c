import { createTransport, type Transporter } from 'nodemailer';
import { mailOf } from '#libs/alerts';
import type { Config } from '../../platform/config/index.js';
import { NotSent } from './not-sent.js';
import type { Message } from './webhook.js';

/** Milliseconds, of each step. */
const TIMEOUT = 10_000;

/** This machine: no network carries a password to it. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Sends e-mail by the server that the configuration names. */
export class Mailer {
  readonly #transport: Transporter | undefined;

  constructor(private readonly mail: Config['mail']) {
    this.#transport = mail && createTransport(optionsOf(new URL(mail.smtpUrl.reveal())));
  }

  /** @throws NotSent */
  async send({ id, notification }: Message, recipients: readonly string[]): Promise<void> {
    if (this.#transport === undefined || this.mail === undefined) throw new NotSent('No mail server is configured. Whoever runs the service can: SMTP_URL, MAIL_FROM.');
    const { from } = this.mail;
    try {
      await this.#transport.sendMail({
        from: { name: 'ServiceRadar', address: from },
        // As they are: nothing in them is taken apart.
        to: recipients.map((address) => ({ name: '', address })),
        ...mailOf(notification),
        // A mail server that gets it twice may know it by this.
        messageId: `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
        headers: { 'X-ServiceRadar-Delivery': id, 'Auto-Submitted': 'auto-generated' },
      });
    } catch (error) {
      const { code, responseCode } = error as { code?: string; responseCode?: number };
      const isFinal = responseCode !== undefined && responseCode >= 500 && code === 'EENVELOPE';
      throw new NotSent(`The mail server did not take it (${responseCode ?? code ?? 'no reason given'}).`, isFinal, error);
    }
  }
}

function optionsOf({ protocol, hostname, port, username, password }: URL) {
  const secure = protocol === 'smtps:';
  const login = username === '' ? undefined : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    auth: login,
    // A password does not go over a network in the clear, whatever a server offers.
    requireTLS: !secure && login !== undefined && !LOOPBACK.test(hostname),
    disableFileAccess: true,
    disableUrlAccess: true,
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
  };
}
