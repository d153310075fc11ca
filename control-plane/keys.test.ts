import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signToken, verifyToken } from '../shared/protocol/access-token.ts';
import { ensureKeys } from './keys.ts';
import { startControlPlane, temporaryFolder } from './testing/start-control-plane.ts';

test('the keys that a broker was started with are the ones that the control plane signs with', async () => {
  const folder = await temporaryFolder();
  const handedOut = readFileSync(ensureKeys(folder).publicKeyFile, 'utf8');
  const identity = { role: 'device', id: 'pi-1' } as const;
  expect(verifyToken(handedOut, signToken(ensureKeys(folder).privateKey, identity), 0)).toEqual(identity);
});

test('a public key file that was lost is written again', async () => {
  const folder = await temporaryFolder();
  const { publicKeyFile } = ensureKeys(folder);
  const before = readFileSync(publicKeyFile, 'utf8');
  rmSync(publicKeyFile);
  ensureKeys(folder);
  expect(readFileSync(publicKeyFile, 'utf8')).toBe(before);
});

test('secrets are readable by their owner alone, the public key by everyone', async () => {
  const { folder, tokenFiles, publicKeyFile } = await startControlPlane();
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  expect(modeOf(tokenFiles.enrolmentTokenFile)).toBe(0o600);
  expect(modeOf(tokenFiles.adminTokenFile)).toBe(0o600);
  expect(modeOf(join(folder, 'data', 'keys', 'signing-private.pem'))).toBe(0o600);
  expect(modeOf(join(folder, 'data', 'fleet.sqlite'))).toBe(0o600);
  expect(modeOf(publicKeyFile)).toBe(0o644);
});

test('tokens outlive a restart, and a chosen enrolment token replaces the one before', async () => {
  const first = await startControlPlane();
  const token = readFileSync(first.tokenFiles.enrolmentTokenFile, 'utf8');
  // On a command line it is no option.
  expect(token).toMatch(/^enrolment\.[\w-]{43}$/);
  expect(Buffer.from(token.slice('enrolment.'.length), 'base64url')).toHaveLength(32);
  await first.close();
  const second = await startControlPlane({ folder: first.folder });
  expect(second.enrolment).toEqual(first.enrolment);
  expect(second.admin).toEqual(first.admin);
  await second.close();

  const third = await startControlPlane({ folder: first.folder, config: { enrolmentToken: 'chosen-by-the-operator' } });
  const register = (token: string) =>
    third.http.inject({
      method: 'POST',
      url: '/api/v1/devices',
      headers: { authorization: `Bearer ${token}` },
      payload: { id: 'pi-1', hardwareClass: 'pi4' },
    });
  expect((await register(token)).statusCode).toBe(401);
  expect((await register('chosen-by-the-operator')).statusCode).toBe(201);
});
