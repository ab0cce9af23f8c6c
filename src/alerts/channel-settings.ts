import { DomainError, type FieldError, Secret } from '#libs/kernel';
import type { ChannelKind, ChannelSettings } from '#libs/model';
import type { ChannelSecret } from './channel-secrets.js';

/** Where a channel leads to, as people say it. */
export interface ChannelInput {
  url?: string;
  secret?: string;
  recipients?: string[];
}

/** What of it may be shown, and what is sealed. */
export interface Channel {
  settings: ChannelSettings;
  secret: ChannelSecret | undefined;
}

type Field = keyof ChannelInput;

const FIELDS: Record<ChannelKind, readonly Field[]> = { webhook: ['url', 'secret'], slack: ['url'], email: ['recipients'], nats: [] };

const ALL: readonly Field[] = ['url', 'secret', 'recipients'];

/**
 * What a channel is made of, each field that its kind has and no other.
 * @param before what it is now, of which a field stays that is not given
 * @throws DomainError `validation_failed`
 */
export function channelOf(kind: ChannelKind, input: ChannelInput, options: { plainHttp: boolean }, before?: Channel): Channel {
  const fields = FIELDS[kind];
  const has: Record<Field, boolean> = {
    url: (input.url ?? before?.secret?.url) !== undefined,
    secret: (input.secret ?? before?.secret?.key) !== undefined,
    recipients: (input.recipients ?? before?.settings.recipients ?? []).length > 0,
  };
  const errors = [
    ...ALL.filter((field) => !fields.includes(field) && input[field] !== undefined).map((field) => problem(field, 'not_of_kind', `A channel of the kind ${kind} has no ${field}.`)),
    ...fields.filter((field) => !has[field]).map((field) => problem(field, 'missing', `A channel of the kind ${kind} needs ${field}.`)),
    ...(input.url === undefined ? [] : refusalOf(input.url, options.plainHttp)),
  ];
  if (errors.length > 0) throw new DomainError('validation_failed', errors.map(({ detail }) => detail).join(' '), { errors });
  if (kind === 'email') return { settings: { recipients: input.recipients ?? before!.settings.recipients! }, secret: undefined };
  if (kind === 'nats') return { settings: {}, secret: undefined };
  const url = input.url === undefined ? before!.secret!.url : new Secret(input.url);
  const key = kind === 'slack' ? undefined : input.secret === undefined ? before!.secret!.key : new Secret(input.secret);
  return { settings: { origin: new URL(url.reveal()).origin }, secret: { url, ...(key !== undefined && { key }) } };
}

/** Whether an address is one that it may lead to is seen when it is sent: names lead elsewhere by then. */
function refusalOf(text: string, plainHttp: boolean): FieldError[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) return [problem('url', 'invalid_url', 'url must be a URL that starts with https://.')];
  if (url.username !== '' || url.password !== '') return [problem('url', 'invalid_url', 'url must hold no user name and no password.')];
  if (url.protocol === 'http:' && !plainHttp) {
    return [problem('url', 'insecure_url', 'url must start with https://: whoever runs the service has allowed http:// to no network.')];
  }
  return [];
}

const problem = (field: Field, code: string, detail: string): FieldError => ({ pointer: `/${field}`, code, detail });
