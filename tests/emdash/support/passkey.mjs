// A passkey without a browser: a key pair that answers as an authenticator does, for what EmDash asks of one.
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const url64 = (bytes) => Buffer.from(bytes).toString("base64url");

/** Present, verified. */
const FLAGS = 0x05;
/** A credential follows. */
const ATTESTED = 0x40;

/** The few forms of CBOR that an attestation needs: small maps of texts, numbers, bytes. */
function cbor(value) {
  const head = (major, n) => {
    if (n < 24) return Buffer.from([(major << 5) | n]);
    return n < 256 ? Buffer.from([(major << 5) | 24, n]) : Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
  };
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, of]) => [cbor(key), cbor(of)])]);
}

export class Passkey {
  #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  #id = randomBytes(32);
  #count = 0;

  /** `origin`: where the browser would stand. */
  constructor(origin) {
    this.origin = origin;
    this.party = new URL(origin).hostname;
  }

  #client(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }));
  }

  #data(flags) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE((this.#count += 1));
    return Buffer.concat([sha256(this.party), Buffer.from([flags]), count]);
  }

  /** The credential for `options`, as a page sends it to be stored. */
  register({ challenge }) {
    const { x, y } = this.#keys.publicKey.export({ format: "jwk" });
    const key = new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, "base64url")], [-3, Buffer.from(y, "base64url")]]);
    const credential = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.#id.length]), this.#id, cbor(key)]);
    const data = Buffer.concat([this.#data(FLAGS | ATTESTED), credential]);
    const attestation = cbor(new Map([["fmt", "none"], ["attStmt", new Map()], ["authData", data]]));
    const response = { clientDataJSON: url64(this.#client("webauthn.create", challenge)), attestationObject: url64(attestation), transports: ["internal"] };
    return { id: url64(this.#id), rawId: url64(this.#id), type: "public-key", response, authenticatorAttachment: "platform" };
  }

  /** The proof for `options`, as a page sends it to sign in. */
  sign({ challenge }) {
    const client = this.#client("webauthn.get", challenge);
    const data = this.#data(FLAGS);
    const signature = createSign("sha256").update(Buffer.concat([data, sha256(client)])).sign(this.#keys.privateKey);
    const response = { clientDataJSON: url64(client), authenticatorData: url64(data), signature: url64(signature) };
    return { id: url64(this.#id), rawId: url64(this.#id), type: "public-key", response, authenticatorAttachment: "platform" };
  }
}
