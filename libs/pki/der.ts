/**
 * DER (X.690), read strictly: definite and shortest lengths, nothing left over. What was signed is read back through this and not
 * through the library that wrote it, so that a fault of one does not hide in the other; it also takes a tenth of the time.
 */

/** The bytes are not DER, or not of the type that was asked for. Says where, never what the bytes are. */
export class DerError extends Error {}

export interface DerElement {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** Identifier, length and content. */
  readonly bytes: Buffer;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag `[number]` of a context: `constructed` for what holds elements, primitive for what holds octets. */
export const contextTag = (number: number, form: 'primitive' | 'constructed'): number => (form === 'constructed' ? 0xa0 : 0x80) | number;

/** Reads the one element that the bytes are. @throws DerError */
export function readDer(bytes: Buffer): DerElement {
  const element = readAt(bytes, 0);
  if (element.bytes.length !== bytes.length) throw new DerError('bytes are left over after the element');
  return element;
}

/** The elements inside one of that tag. @throws DerError */
export function readElements(element: DerElement, tag: number): DerElement[] {
  const { content } = expectTag(element, tag);
  const elements: DerElement[] = [];
  for (let offset = 0; offset < content.length; ) {
    const inner = readAt(content, offset);
    elements.push(inner);
    offset += inner.bytes.length;
  }
  return elements;
}

/** As `readElements`, of an element that holds at least `min` of them and at most `max`. @throws DerError */
export function readFields(element: DerElement | undefined, tag: number, min: number, max = min): DerElement[] {
  const fields = readElements(expectTag(element, tag), tag);
  if (fields.length < min || fields.length > max) throw new DerError(`expected ${min === max ? min : `${min} to ${max}`} elements in one, found ${fields.length}`);
  return fields;
}

/** The element itself when it is there and of that tag. @throws DerError */
export function expectTag(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new DerError(`expected tag 0x${tag.toString(16)}, found ${element ? `0x${element.tag.toString(16)}` : 'nothing'}`);
  return element;
}

function readAt(bytes: Buffer, start: number): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new DerError('the bytes end inside an element');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number over 30');
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  const begin = start + 2 + lengthOctets;
  if (first === 0x80 || lengthOctets > 4 || begin > bytes.length) throw new DerError('a length that is indefinite or too long');
  const length = lengthOctets === 0 ? first : bytes.readUIntBE(start + 2, lengthOctets);
  const shortest = lengthOctets === 0 || (length >= 0x80 && length >= 2 ** (8 * (lengthOctets - 1)));
  if (!shortest) throw new DerError('a length that is not the shortest');
  if (begin + length > bytes.length) throw new DerError('the bytes end inside an element');
  return { tag, content: bytes.subarray(begin, begin + length), bytes: bytes.subarray(start, begin + length) };
}

/** @throws DerError */
export function readBoolean(element: DerElement): boolean {
  const { content } = expectTag(element, TAG.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('a boolean that is neither 00 nor ff');
  return content[0] === 0xff;
}

/** A positive INTEGER or zero as hexadecimal digits, two for each octet. @throws DerError */
export function readUnsigned(element: DerElement | undefined): string {
  const { content } = expectTag(element, TAG.integer);
  const [first, second] = content;
  if (first === undefined || (first === 0 && second !== undefined && second < 0x80)) throw new DerError('an integer that is not the shortest');
  if (first >= 0x80) throw new DerError('a negative integer');
  return (first === 0 && second !== undefined ? content.subarray(1) : content).toString('hex');
}

/** In dotted decimal. @throws DerError */
export function readOid(element: DerElement | undefined): string {
  const { content } = expectTag(element, TAG.oid);
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, octet] of content.entries()) {
    if (arc === 0 && octet === 0x80) throw new DerError('an object identifier that is not the shortest');
    arc = arc * 128 + (octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    } else if (index === content.length - 1 || arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an object identifier without end');
  }
  const [head, ...rest] = arcs;
  if (head === undefined) throw new DerError('an empty object identifier');
  const root = Math.min(2, Math.floor(head / 40));
  return [root, head - root * 40, ...rest].join('.');
}

/** The numbers of the bits that are set; bit 0 is the first. @throws DerError */
export function readBits(element: DerElement): number[] {
  const { content } = expectTag(element, TAG.bitString);
  const [unused, ...octets] = content;
  if (unused === undefined || unused > 7 || (unused > 0 && octets.length === 0)) throw new DerError('a bit string with a wrong count of unused bits');
  if ((octets.at(-1) ?? 0) & ((1 << unused) - 1)) throw new DerError('a bit string whose unused bits are set');
  return octets.flatMap((octet, index) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => octet & (0x80 >> bit)).map((bit) => index * 8 + bit));
}

/** The octets of a BIT STRING without unused bits. @throws DerError */
export function readBitOctets(element: DerElement | undefined): Buffer {
  const { content } = expectTag(element, TAG.bitString);
  if (content[0] !== 0) throw new DerError('a bit string that is not whole octets');
  return content.subarray(1);
}

/** UTCTime to the year 2049, GeneralizedTime after, in whole seconds of UTC (RFC 5280, section 4.1.2.5). @throws DerError */
export function readTime(element: DerElement | undefined): Date {
  const text = element?.content.toString('latin1') ?? '';
  const form = element?.tag === TAG.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  if (element?.tag !== TAG.utcTime) expectTag(element, TAG.generalizedTime);
  const [year = NaN, month = 0, day = 0, hour = 0, minute = 0, second = 0] = form.exec(text)?.slice(1).map(Number) ?? [];
  const fullYear = element?.tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  const time = new Date(Date.UTC(fullYear, month - 1, day, hour, minute, second));
  const written = Number.isNaN(time.getTime()) ? '' : time.toISOString().replace(/[-:T]|\.000/g, '');
  if (!written.endsWith(text) || text === '') throw new DerError('a time that is none, or not in whole seconds of UTC');
  if (element?.tag === TAG.generalizedTime && fullYear < 2050) throw new DerError('a GeneralizedTime before 2050');
  return time;
}

/** An element of the content as it stands. */
export function encodePrimitive(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), encodeLength(content.length), content]);
}

/** An element of elements that are already encoded: a SEQUENCE, or another tag that holds elements. */
export function encodeConstructed(elements: readonly Uint8Array[], tag: number = TAG.sequence): Buffer {
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return Buffer.concat([Buffer.of(tag), encodeLength(length), ...elements]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const hex = length.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | octets.length), octets]);
}
