import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { signToken } from '../shared/protocol/access-token.ts';
import { type SigningKeys, writeSecret } from './keys.ts';
import type { SettingStore } from './store/settings.ts';

/** Where the two tokens lie that an operator hands on. */
export interface TokenFiles {
  enrolmentTokenFile: string;
  adminTokenFile: string;
}

/** What these files are called, in the data folder. */
export type TokenFileName = 'enrolment-token' | 'admin-token';

const hashSetting = 'enrolment-token-sha256';

/** @returns the files with the enrolment token and the admin access token, made where they are missing */
export function ensureTokens(options: {
  dataFolder: string;
  keys: SigningKeys;
  settings: SettingStore;
  /** A token that the operator chose; replaces the one before. */
  enrolmentToken: string | undefined;
}): TokenFiles {
  const { dataFolder, keys, settings, enrolmentToken } = options;
  const fileOf = (name: TokenFileName): string => join(dataFolder, name);
  const enrolmentTokenFile = fileOf('enrolment-token');
  const adminTokenFile = fileOf('admin-token');
  const stored = settings.get(hashSetting);
  const token = enrolmentToken ?? (stored === undefined ? newEnrolmentToken() : undefined);
  if (token !== undefined && stored !== sha256(token).toString('hex')) {
    // The file comes first: a crash in between makes another token at the next start, never one that nobody knows.
    writeSecret(enrolmentTokenFile, token);
    settings.set(hashSetting, sha256(token).toString('hex'));
  }
  if (!existsSync(adminTokenFile)) {
    writeSecret(adminTokenFile, signToken(keys.privateKey, { role: 'admin', id: 'admin' }));
  }
  return { enrolmentTokenFile, adminTokenFile };
}

/** With its name in front: one that began with a hyphen would be taken for an option on a command line. */
function newEnrolmentToken(): string {
  return `enrolment.${randomBytes(32).toString('base64url')}`;
}

/** @returns whether this is the enrolment token; takes equally long for every wrong one */
export function isEnrolmentToken(settings: SettingStore, token: string): boolean {
  const stored = settings.get(hashSetting);
  return stored !== undefined && timingSafeEqual(sha256(token), Buffer.from(stored, 'hex'));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
