/** A text that was searched, and what it is. Bytes that are none are read as latin1. */
export interface Searched {
  where: string;
  text: string;
}

/** What no place but the few that are meant for it may hold, by its looks: whoever made it, we need not know it. */
const LOOKS: Record<string, RegExp> = {
  'an API key': /sr_[A-Za-z0-9]{8,32}_[A-Za-z0-9_-]{32}/,
  'a token for a package': /collectorpkg-v2:[A-Za-z0-9_-]{8}/,
  'a NATS seed': /S[UAO][A-Z2-7]{56}/,
  'a private key in PEM': /-----BEGIN [A-Z ]*PRIVATE KEY/,
  // PKCS#8 of P-256 and of Ed25519 (RFC 5958, RFC 5915, RFC 8410), up to the key itself.
  'a P-256 key in DER': /0\x81\x87\x02\x01\x000\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04m0k\x02\x01\x01\x04\x20/,
  'a P-256 key in base64': /MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/,
  'a P-256 key in hex': /308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420/i,
  'an Ed25519 key in base64': /MC4CAQAwBQYDK2VwBCIEI/,
  'an Ed25519 key in hex': /302e020100300506032b657004220420/i,
};

/** Secrets that were planted or handed out, and where they turn up. */
export class Canaries {
  /** By form of a secret, what it is. */
  readonly #forms = new Map<string, string>();

  /** @param secret of 16 characters or more: a shorter one may be found by chance */
  plant<Text extends string>(name: string, secret: Text): Text {
    if (secret.length < 16) throw new Error(`${name} is too short to be found for certain.`);
    for (const [form, text] of Object.entries(formsOf(secret))) if (!this.#forms.has(text)) this.#forms.set(text, `${name} (${form})`);
    return secret;
  }

  /** What secrets a text holds, each with its form: those that were planted, and what looks like one. */
  in(text: string): string[] {
    const planted = [...this.#forms].filter(([form]) => text.includes(form)).map(([, name]) => name);
    const looks = Object.entries(LOOKS).filter(([, look]) => look.test(text));
    return [...new Set([...planted, ...looks.map(([what]) => what)])];
  }

  /** @returns a sentence for each secret that was found in one of the places */
  leaks(places: readonly Searched[]): string[] {
    return places.flatMap(({ where, text }) => this.in(text).map((what) => `${where} holds ${what}`));
  }
}

/** How a secret may be written. Of base64, what does not depend on what stands before and after it. */
function formsOf(secret: string): Record<string, string> {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '');
    return text.slice(before === 0 ? 0 : before + 1, text.length - (text.length % 4 === 0 ? 0 : 1));
  });
  const hex = bytes.toString('hex');
  const forms: Record<string, string> = { plain: secret, 'in hex': hex, 'in capital hex': hex.toUpperCase(), 'in JSON': JSON.stringify(secret).slice(1, -1), 'URL-encoded': encodeURIComponent(secret) };
  shifted.forEach((text, at) => {
    forms[`in base64, ${at}`] = text;
    forms[`in base64url, ${at}`] = text.replaceAll('+', '-').replaceAll('/', '_');
  });
  return forms;
}
