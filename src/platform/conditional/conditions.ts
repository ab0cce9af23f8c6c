import { createParamDecorator, type ExecutionContext, HttpStatus } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '#libs/kernel';
import { entityTag, tagsIn, versionIn } from './entity-tag.js';

/** What must hold of a thing for a change of it to be made. */
export interface Precondition {
  /**
   * Call it with the row locked.
   * @param what as it stands in a sentence: `edge site`
   * @throws DomainError `stale` when the caller has seen another version than the one that is there; `malformed_request`
   */
  check(version: number, what: string): void;
}

const WEAK = /^W\//;

/** The conditions of a request (RFC 9110, section 13), and the tag of its answer. */
export class Conditions implements Precondition {
  constructor(
    private readonly request: Pick<FastifyRequest, 'method' | 'headers'>,
    private readonly reply: Pick<FastifyReply, 'header' | 'status'>,
  ) {}

  check(version: number, what: string): void {
    const header = this.request.headers['if-match'];
    if (header === undefined || header.trim() === '*') return;
    const tags = tagsIn(header);
    if (tags === undefined) throw malformed();
    if (tags.some((tag) => versionIn(tag) === version)) return;
    throw stale(tags, version, what);
  }

  /**
   * Tags what is answered. Whoever has it already is told so, with 304 and nothing else.
   * @param version of what people set
   */
  answer<Body>(version: number, body: Body): Body {
    const tag = entityTag(version, body);
    void this.reply.header('etag', tag);
    if (this.request.method !== 'GET' || !isKnown(this.request.headers['if-none-match'], tag)) return body;
    void this.reply.status(HttpStatus.NOT_MODIFIED);
    return undefined as Body;
  }
}

/** The conditions of the request, for a handler that is `@Tagged`. */
export const RequestConditions = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const http = context.switchToHttp();
  return new Conditions(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
});

/** Compared weakly, as RFC 9110 (section 13.1.2) has it. What is no list of tags names nothing. */
function isKnown(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || (tagsIn(header) ?? []).some((known) => known.replace(WEAK, '') === tag);
}

const malformed = () => new DomainError('malformed_request', 'The header If-Match must be * or entity tags in quotes, separated by commas, as they came in ETag.');

function stale(tags: readonly string[], version: number, what: string): DomainError {
  const weak = tags.every((tag) => WEAK.test(tag)) ? ' Weak tags (W/) match nothing here: a proxy that compresses may have made the tag weak.' : '';
  const seen = [...new Set(tags.map(versionIn))].filter((one) => one !== undefined && one !== version);
  const others = seen.length === 0 ? 'the header If-Match does not name that' : `the header If-Match says ${seen.join(', ')}`;
  const message = `The ${what} is at version ${version}, and ${others}.${weak} Read it again, and change what is there now.`;
  return new DomainError('stale', message);
}
