import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { Type } from 'typebox';
import { FleetError } from '../runtime/errors.ts';
import { createParser } from '../runtime/schema.ts';
import { idPatternSource } from './ids.ts';
import { type Identity, roles } from './topic-rules.ts';

/**
 * Access tokens: signed by the control plane, verified by anyone who holds its public key, so that a
 * broker lets devices in while the control plane is away.
 *
 *   token   = "edgent1." base64url(payload) "." base64url(Ed25519 signature over the text before this dot)
 *   payload = JSON { "role", "id", "expires" }      expires: seconds since 1970, or null
 */
const prefix = 'edgent1';

const ClaimsSchema = Type.Object({
  role: Type.Union(roles.map((role) => Type.Literal(role))),
  id: Type.String({ pattern: idPatternSource }),
  expires: Type.Union([Type.Null(), Type.Number()]),
});
const claimsParser = createParser(ClaimsSchema, 'token-invalid', 'access token');

/** @returns a new signing key pair as PEM texts */
export function generateSigningKeys(): { privateKey: string; publicKey: string } {
  const pair = generateKeyPairSync('ed25519');
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** @param privateKey PEM @param expires seconds since 1970, null: never */
export function signToken(privateKey: string | KeyObject, identity: Identity, expires: number | null = null): string {
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey;
  const payload = Buffer.from(JSON.stringify({ role: identity.role, id: identity.id, expires })).toString('base64url');
  const signed = `${prefix}.${payload}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/**
 * @param nowSeconds the wall clock, seconds since 1970
 * @throws {FleetError} `token-invalid`
 */
export function verifyToken(publicKey: string | KeyObject, token: string, nowSeconds: number): Identity {
  const [head, payload, signature, ...rest] = token.split('.');
  if (head !== prefix || payload === undefined || signature === undefined || rest.length > 0) {
    throw new FleetError('token-invalid', 'the access token is malformed');
  }
  const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey;
  const bytes = Buffer.from(signature, 'base64url');
  // Decoding passes over foreign characters and surplus bits: one token would have many spellings.
  const isCanonical = bytes.toString('base64url') === signature;
  if (!isCanonical || !verify(null, Buffer.from(`${prefix}.${payload}`), key, bytes)) {
    throw new FleetError('token-invalid', 'the access token was not signed by this platform');
  }
  return parsePayload(payload, nowSeconds);
}

function parsePayload(payload: string, nowSeconds: number): Identity {
  const { role, id, expires } = claimsParser.parseJson(Buffer.from(payload, 'base64url'));
  if (expires !== null && expires < nowSeconds) throw new FleetError('token-invalid', 'the access token has expired');
  return { role, id };
}
