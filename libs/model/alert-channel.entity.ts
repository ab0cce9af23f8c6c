import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

export const CHANNEL_KINDS = ['webhook', 'email', 'slack', 'nats'] as const;

/** How people are told. */
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** What may be shown of a channel. */
export interface ChannelSettings {
  /** Of a webhook, Slack's too: the origin of its URL. The URL itself may open it, and is sealed. */
  origin?: string;
  /** Of e-mail. */
  recipients?: string[];
}

const schema = defineEntity({
  name: 'AlertChannel',
  tableName: 'alert_channels',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    name: p.string(),
    kind: p.string().$type<ChannelKind>(),
    settings: p.json<ChannelSettings>(),
    /** URL and, of a webhook, the key that its messages are signed with, as JSON; null of those that have neither. */
    secretCiphertext: p.text().nullable().lazy(),
    /** Goes up with each change that people make. */
    settingsVersion: p.integer(),
    lastSentAt: p.datetime().nullable(),
    /** Since when nothing has arrived of what was tried; null when the last try did. */
    failingSince: p.datetime().nullable(),
    /** Why the last try that failed did; it is kept when another succeeds. */
    lastError: p.string().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});

/** A way to people. */
export class AlertChannel extends schema.class {}
schema.setClass(AlertChannel);
