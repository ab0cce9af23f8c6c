import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { DomainError, type Random, Secret } from '#libs/kernel';

/** Where a ciphertext belongs. It opens nowhere else: the place is authenticated with it. */
export interface Place {
  table: string;
  column: string;
  rowId: string;
  /** Whose row it is; null for what is the platform's own. */
  tenantId: string | null;
}

export interface EncryptionKey {
  id: string;
  /** 32 bytes. */
  key: Secret<Buffer>;
}

/** Opens as it is read. */
export interface OpenedStream extends Iterable<Buffer> {
  /** Bytes of what is inside. */
  length: number;
  /** How many pieces it comes in. */
  pieces: number;
}

/** What is written. Its place is all of `Place`. */
const FORMAT = 'v2';

/** What was written before: its place has no tenant. It is read until it is written anew. */
const FORMAT_1 = 'v1';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Plain bytes in each piece of a sealed stream but the last, which may have fewer. */
const PIECE_BYTES = 64 * 1024;
const PIECE_OVERHEAD = NONCE_BYTES + TAG_BYTES;

/** Enough for the version and the longest key id. */
const HEADER_BYTES = 128;

/**
 * Encrypts what is secret at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce. The first key writes, all read.
 * A ciphertext is the text `v2:<key id>:<base64 of nonce, tag and encrypted bytes>`. A sealed stream is `v2:<key id>:` and then pieces of
 * nonce, tag and encrypted bytes; each is bound to its position and to whether it is the last, so that none can be changed, left out, moved or
 * cut off (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015).
 */
export class KeyRing {
  readonly #keys: Map<string, KeyObject>;
  readonly #writing: { id: string; key: KeyObject };

  constructor(
    keys: readonly EncryptionKey[],
    private readonly random: Random,
  ) {
    const [writing] = keys;
    if (writing === undefined) throw new DomainError('invalid_configuration', 'There is no encryption key.');
    this.#keys = new Map(keys.map(({ id, key }) => [id, createSecretKey(key.reveal())]));
    this.#writing = { id: writing.id, key: this.#keys.get(writing.id)! };
  }

  /** What everything starts with that is sealed now. */
  get writingHead(): string {
    return `${FORMAT}:${this.#writing.id}:`;
  }

  seal(secret: Secret, place: Place): string {
    return `${this.writingHead}${this.encrypt(Buffer.from(secret.reveal()), placeData(FORMAT, place)).toString('base64')}`;
  }

  /** @throws DomainError `internal` when the key is not in the ring, or the ciphertext was changed or belongs elsewhere */
  open(ciphertext: string, place: Place): Secret {
    const [format = '', keyId = '', body = ''] = ciphertext.split(':');
    const decrypt = this.decrypting(format, keyId, place);
    return new Secret(decrypt(Buffer.from(body, 'base64'), placeData(format, place)).toString('utf8'));
  }

  /** Seals what comes out of a stream, piece by piece. */
  async sealStream(plain: AsyncIterable<Buffer>, place: Place): Promise<Buffer> {
    const sealed: Buffer[] = [Buffer.from(this.writingHead)];
    let position = 0;
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of plain) {
      rest = Buffer.concat([rest, chunk]);
      // Whether a full piece is the last is known only when something comes after it.
      for (; rest.length > PIECE_BYTES; rest = rest.subarray(PIECE_BYTES)) {
        sealed.push(this.encrypt(rest.subarray(0, PIECE_BYTES), pieceData(FORMAT, place, position++, false)));
      }
    }
    sealed.push(this.encrypt(rest, pieceData(FORMAT, place, position, true)));
    return Buffer.concat(sealed);
  }

  /**
   * Opens what `sealStream` sealed, one piece whenever one is asked for.
   * @throws DomainError `internal`, here or while it is read: as `open`
   */
  openStream(sealed: Buffer, place: Place): OpenedStream {
    const [format = '', keyId = ''] = sealed.toString('latin1', 0, HEADER_BYTES).split(':', 2);
    const decrypt = this.decrypting(format, keyId, place);
    const body = sealed.subarray(`${format}:${keyId}:`.length);
    const size = PIECE_OVERHEAD + PIECE_BYTES;
    const pieces = Math.max(1, Math.ceil(body.length / size));
    return {
      length: body.length - pieces * PIECE_OVERHEAD,
      pieces,
      *[Symbol.iterator]() {
        for (let position = 0; position < pieces; position++) {
          const piece = body.subarray(position * size, (position + 1) * size);
          yield decrypt(piece, pieceData(format, place, position, position === pieces - 1));
        }
      },
    };
  }

  /** @returns nonce, tag, encrypted bytes */
  private encrypt(plain: Uint8Array, additionalData: Uint8Array): Buffer {
    const nonce = this.random(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#writing.key, nonce).setAAD(additionalData);
    const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]);
  }

  private decrypting(format: string, keyId: string, place: Place): (bytes: Buffer, additionalData: Buffer) => Buffer {
    const key = this.#keys.get(keyId);
    if ((format !== FORMAT && format !== FORMAT_1) || key === undefined) {
      const missing = `A stored secret cannot be read: its key "${keyId}" is not among ENCRYPTION_KEYS.`;
      throw new DomainError('internal', missing, { context: { ...place, keyId } });
    }
    return (bytes, additionalData) => {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
          .setAAD(additionalData)
          .setAuthTag(bytes.subarray(NONCE_BYTES, PIECE_OVERHEAD));
        return Buffer.concat([decipher.update(bytes.subarray(PIECE_OVERHEAD)), decipher.final()]);
      } catch (cause) {
        const wrong = `A stored secret cannot be read: the key "${keyId}" is another one, or the secret was changed or moved.`;
        throw new DomainError('internal', wrong, { context: { ...place, keyId }, cause });
      }
    };
  }
}

/** Ids have neither `@` nor `#` in them: no two places give the same text. */
const placeText = (format: string, { table, column, rowId, tenantId }: Place) =>
  `${table}.${column}:${rowId}${format === FORMAT_1 ? '' : `@${tenantId ?? ''}`}`;

const placeData = (format: string, place: Place) => Buffer.from(placeText(format, place));

const pieceData = (format: string, place: Place, position: number, isLast: boolean) =>
  Buffer.from(`${placeText(format, place)}#${position}${isLast ? '.' : ''}`);
