import { createHmac } from 'node:crypto';
import { type Notification, slackBodyOf } from '#libs/alerts';
import type { Secret } from '#libs/kernel';
import type { Destinations } from './destination.js';
import { type Lookup, post } from './post.js';

/** A message that is to be sent. */
export interface Message {
  /** Of the delivery: the same at each try. */
  id: string;
  notification: Notification;
}

/**
 * A signature that tells whoever has the key that a body is ours, and of which time: `t=<Unix seconds>,v1=<hex>`, HMAC-SHA256 (RFC 2104) of
 * `<Unix seconds>.<body>`.
 */
export function signatureOf(body: string, key: Secret, at: Date): string {
  const time = Math.floor(at.getTime() / 1000);
  return `t=${time},v1=${createHmac('sha256', key.reveal()).update(`${time}.${body}`).digest('hex')}`;
}

/** @throws NotSent */
export async function sendWebhook({ id, notification }: Message, { url, key }: { url: Secret; key: Secret }, at: Date, destinations: Destinations, lookup?: Lookup): Promise<void> {
  const body = JSON.stringify({ id, ...notification });
  const headers = { ...headersOf(id), 'x-serviceradar-signature': signatureOf(body, key, at) };
  await post({ url: url.reveal(), headers, body }, destinations, lookup);
}

/** To an incoming webhook as Slack has them. @throws NotSent */
export async function sendSlack({ id, notification }: Message, { url }: { url: Secret }, destinations: Destinations, lookup?: Lookup): Promise<void> {
  await post({ url: url.reveal(), headers: headersOf(id), body: JSON.stringify(slackBodyOf(notification)) }, destinations, lookup);
}

const headersOf = (id: string) => ({ 'content-type': 'application/json', 'user-agent': 'serviceradar-edge', 'x-serviceradar-delivery': id });
