import type { Change } from './change.js';
import { toChangeEventDto } from './dto/change-event.dto.js';
import { formatPosition, type Position } from './position.js';

/** How long a client waits before it comes again, in milliseconds. */
const RETRY = 3_000;

/** What is sent before anything has happened: from here on, nothing is missed. */
export const greeting = (at: Position): string => `retry: ${RETRY}\n${mark(at)}`;

/** Without data it is no event (HTML, "Server-sent events", dispatching): the client only remembers the id, and proxies see that the stream lives. */
export const mark = (at: Position): string => `: \nid: ${formatPosition(at)}\n\n`;

/** What was missed is not known any more. */
export const reset = (at: Position): string => event('reset', at, { type: 'reset' });

export const changed = (change: Change): string => event('change', change.position, toChangeEventDto(change));

const event = (name: string, at: Position, data: object) => `event: ${name}\nid: ${formatPosition(at)}\ndata: ${JSON.stringify(data)}\n\n`;
