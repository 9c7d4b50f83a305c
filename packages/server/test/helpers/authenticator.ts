/** A device that makes passkeys, in software (Web Authentication Level 3, §6; keys of ES256, without attestation). */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface Device {
  id: string;
  /** What the browser sends when a passkey is made. */
  register(options: { challenge: string }, said?: Partial<Said>): object;
  /** What the browser sends when it is used. */
  answer(options: { challenge: string }, said?: Partial<Said>): object;
}

interface Said {
  origin: string;
  domain: string;
  counter: number;
  /** The person has shown who they are: by finger, face or number. */
  isVerified: boolean;
}

export function device(origin: string, domain: string): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = randomBytes(16);
  const usual: Said = { origin, domain, counter: 0, isVerified: true };
  const clientData = (type: string, challenge: string, from: string) =>
    Buffer.from(JSON.stringify({ type, challenge, origin: from, crossOrigin: false }));
  const authData = ({ domain: of, counter, isVerified }: Said, flags: number, more = Buffer.alloc(0)) => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    return Buffer.concat([sha256(of), Buffer.from([flags | 1 | (isVerified ? 4 : 0)]), count, more]);
  };
  const base = { id: id.toString("base64url"), rawId: id.toString("base64url"), type: "public-key" };
  const others = { clientExtensionResults: {}, authenticatorAttachment: "platform" };
  return {
    id: base.id,
    register: ({ challenge }, said) => {
      const all = { ...usual, ...said };
      const { x, y } = publicKey.export({ format: "jwk" });
      const key = Buffer.concat([hex("a5010203262001215820"), bytes(x), hex("225820"), bytes(y)]);
      const data = authData(all, 0x40, Buffer.concat([Buffer.alloc(16), hex("0010"), id, key]));
      const attestation = Buffer.concat([
        hex("a363666d74646e6f6e656761747453746d74a068617574684461746158"),
        Buffer.from([data.length]),
        data,
      ]);
      return {
        ...base,
        ...others,
        response: {
          clientDataJSON: clientData("webauthn.create", challenge, all.origin).toString("base64url"),
          attestationObject: attestation.toString("base64url"),
          transports: ["internal"],
        },
      };
    },
    answer: ({ challenge }, said) => {
      const all = { ...usual, ...said };
      const [data, client] = [authData(all, 0), clientData("webauthn.get", challenge, all.origin)];
      return {
        ...base,
        ...others,
        response: {
          clientDataJSON: client.toString("base64url"),
          authenticatorData: data.toString("base64url"),
          signature: sign("sha256", Buffer.concat([data, sha256(client)]), privateKey).toString("base64url"),
        },
      };
    },
  };
}

const sha256 = (of: string | Buffer) => createHash("sha256").update(of).digest();
const hex = (text: string) => Buffer.from(text, "hex");
const bytes = (text: string | undefined) => Buffer.from(text ?? "", "base64url");
