import { createCipheriv, createDecipheriv } from 'node:crypto';
import { DomainError, type Random, Secret } from '#libs/kernel';

/** Where a ciphertext belongs. It opens nowhere else: the place is authenticated with it. */
export interface Place {
  table: string;
  column: string;
  rowId: string;
}

export interface EncryptionKey {
  id: string;
  /** 32 bytes. */
  key: Secret<Buffer>;
}

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts what is secret at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce. The first key writes, all read.
 * A ciphertext is the text `v1:<key id>:<base64 of nonce, tag and encrypted bytes>`.
 */
export class KeyRing {
  readonly #keys: Map<string, Buffer>;
  readonly #writing: EncryptionKey;

  constructor(
    keys: readonly EncryptionKey[],
    private readonly random: Random,
  ) {
    if (keys[0] === undefined) throw new DomainError('invalid_configuration', 'There is no encryption key.');
    this.#writing = keys[0];
    this.#keys = new Map(keys.map(({ id, key }) => [id, key.reveal()]));
  }

  seal(secret: Secret, place: Place): string {
    const nonce = this.random(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#writing.key.reveal(), nonce).setAAD(additionalData(place));
    const encrypted = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
    return [VERSION, this.#writing.id, Buffer.concat([nonce, cipher.getAuthTag(), encrypted]).toString('base64')].join(':');
  }

  /** @throws DomainError `internal` when the key is not in the ring, or the ciphertext was changed or belongs elsewhere */
  open(ciphertext: string, place: Place): Secret {
    const [version, keyId = '', body = ''] = ciphertext.split(':');
    const key = this.#keys.get(keyId);
    if (version !== VERSION || key === undefined) {
      const missing = `A stored secret cannot be read: its key "${keyId}" is not among ENCRYPTION_KEYS.`;
      throw new DomainError('internal', missing, { context: { ...place, keyId } });
    }
    const bytes = Buffer.from(body, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(additionalData(place))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return new Secret(opened.toString('utf8'));
    } catch (cause) {
      const wrong = `A stored secret cannot be read: the key "${keyId}" is another one, or the secret was changed or moved.`;
      throw new DomainError('internal', wrong, { context: { ...place, keyId }, cause });
    }
  }
}

const additionalData = ({ table, column, rowId }: Place) => Buffer.from(`${table}.${column}:${rowId}`);
