import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Credentials, credentialsParser, type Registration } from '../shared/protocol/http.ts';
import { FleetError } from '../shared/runtime/errors.ts';

export interface CredentialsOptions {
  folder: string;
  registration: Registration;
  /** Needed when no credentials are stored yet. */
  enrolmentToken: string | undefined;
  register: (registration: Registration) => Promise<Credentials>;
}

/**
 * Stored credentials, or new ones by registering.
 * @throws {FleetError} `token-invalid` where there are neither credentials nor an enrolment token
 */
export async function obtainCredentials(options: CredentialsOptions): Promise<Credentials> {
  const file = join(options.folder, 'credentials.json');
  if (existsSync(file)) {
    const stored = credentialsParser.parseJson(readFileSync(file));
    if (stored.id === options.registration.id) return stored;
    throw new FleetError('config-invalid', `${file} belongs to "${stored.id}": use another data folder`);
  }
  if (options.enrolmentToken === undefined) {
    throw new FleetError('token-invalid', `no credentials in ${options.folder} and no enrolment token given`);
  }
  const credentials = await options.register(options.registration);
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.tmp`, JSON.stringify(credentials), { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
  return credentials;
}
