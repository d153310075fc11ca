import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateSigningKeys } from '../shared/protocol/access-token.ts';

/** The platform's signing keys. */
export interface SigningKeys {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** What a broker needs to verify access tokens. */
  publicKeyFile: string;
}

/**
 * Reads the signing keys of a data folder, and makes them where there are none. Whoever starts a broker before
 * the control plane calls this first.
 * @param dataFolder the control plane's
 */
export function ensureKeys(dataFolder: string): SigningKeys {
  const privateKeyFile = join(dataFolder, 'keys', 'signing-private.pem');
  const publicKeyFile = join(dataFolder, 'keys', 'signing-public.pem');
  if (!existsSync(privateKeyFile)) writeSecret(privateKeyFile, generateSigningKeys().privateKey);
  const privateKey = createPrivateKey(readFileSync(privateKeyFile));
  const publicKey = createPublicKey(privateKey);
  const publicText = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  if (!existsSync(publicKeyFile) || readFileSync(publicKeyFile, 'utf8') !== publicText) {
    replaceFile(publicKeyFile, publicText, 0o644);
  }
  return { privateKey, publicKey, publicKeyFile };
}

/** Writes a file that its owner alone may read; readers see the old text or the whole new one. */
export function writeSecret(path: string, text: string): void {
  replaceFile(path, text, 0o600);
}

function replaceFile(path: string, text: string, mode: number): void {
  // The folder may be entered: a broker of another user reads the public key in it. Each secret has its own mode.
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode, flush: true });
  renameSync(draft, path);
}
