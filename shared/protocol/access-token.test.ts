import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFleetError } from '../runtime/errors.ts';
import { generateSigningKeys, signToken, verifyToken } from './access-token.ts';
import { type Identity, roles } from './topic-rules.ts';

const keys = generateSigningKeys();
const nowSeconds = 1_600_000_000;
const device: Identity = { role: 'device', id: 'pi-1' };

function verdict(token: string, publicKey = keys.publicKey): string {
  try {
    return JSON.stringify(verifyToken(publicKey, token, nowSeconds));
  } catch (error) {
    return isFleetError(error) ? error.code : `no FleetError: ${String(error)}`;
  }
}

/** A token whose signature is right, whatever it says. */
function signedText(payload: string | Uint8Array): string {
  const head = `edgent1.${Buffer.from(payload).toString('base64url')}`;
  return `${head}.${sign(null, Buffer.from(head), createPrivateKey(keys.privateKey)).toString('base64url')}`;
}

describe('a token', () => {
  test('gives back the identity that it was signed for', () => {
    for (const role of roles) {
      const identity = { role, id: 'some-id' };
      expect(verifyToken(keys.publicKey, signToken(keys.privateKey, identity), nowSeconds)).toEqual(identity);
    }
  });

  test('is signed and verified with key objects as with PEM texts', () => {
    const token = signToken(createPrivateKey(keys.privateKey), device);
    expect(verifyToken(createPublicKey(keys.publicKey), token, nowSeconds)).toEqual(device);
  });

  test('is valid up to the second in which it expires, and not after', () => {
    expect(verdict(signToken(keys.privateKey, device, nowSeconds))).toBe(JSON.stringify(device));
    expect(verdict(signToken(keys.privateKey, device, nowSeconds - 1))).toBe('token-invalid');
  });

  test('fits into an MQTT password and an HTTP header', () => {
    expect(signToken(keys.privateKey, { role: 'control-plane', id: 'a'.repeat(64) }, 2 ** 40)).toMatch(
      /^[\w.-]{1,400}$/,
    );
  });
});

describe('a token is invalid', () => {
  const token = signToken(keys.privateKey, device, nowSeconds + 60);

  test('when another platform signed it', () => {
    expect(verdict(token, generateSigningKeys().publicKey)).toBe('token-invalid');
  });

  test('when any character is changed, left out or put in', () => {
    const characters = fc.constantFrom(...'ABCabc019-_.=+/ \0é');
    fc.assert(
      fc.property(fc.nat(token.length - 1), characters, fc.constantFrom(0, 1), (place, character, removed) => {
        const tampered = token.slice(0, place) + character + token.slice(place + removed);
        expect(tampered === token ? 'token-invalid' : verdict(tampered)).toBe('token-invalid');
        expect(verdict(token.slice(0, place))).toBe('token-invalid');
      }),
      { numRuns: 1000 },
    );
  });

  test('when its payload is exchanged for that of another token', () => {
    const [head, , signature] = token.split('.');
    const other = signToken(keys.privateKey, { role: 'admin', id: 'root' }).split('.')[1];
    expect(verdict([head, other, signature].join('.'))).toBe('token-invalid');
  });

  test('in every spelling of its signature but the one that was given out', () => {
    const last = token.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spellings = [...alphabet].filter((character) => character !== last).map((c) => token.slice(0, -1) + c);
    for (const spelling of [...spellings, `${token}=`, `${token}\n`, ` ${token}`]) {
      expect(verdict(spelling)).toBe('token-invalid');
    }
  });

  test('when it is any text at all', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => verdict(text) === 'token-invalid'));
    const threeParts = fc.tuple(fc.base64String(), fc.base64String()).map(([a, b]) => `edgent1.${a}.${b}`);
    fc.assert(fc.property(threeParts, (text) => verdict(text) === 'token-invalid'));
  });
});

describe('a payload with a right signature', () => {
  test('is invalid where it is no JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(verdict(signedText(bytes))).toBe('token-invalid');
      }),
    );
  });

  test('is invalid where it is any other JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(verdict(signedText(json))).toBe('token-invalid');
      }),
    );
  });

  test('is invalid with a role, id or expiry that is none', () => {
    const good = { role: 'device', id: 'pi-1', expires: null };
    expect(verdict(signedText(JSON.stringify(good)))).toBe(JSON.stringify(device));
    const odd: unknown[] = [
      { ...good, role: 'root' },
      { ...good, role: ['device'] },
      { ...good, id: 'PI 1' },
      { ...good, id: '+' },
      { ...good, id: 7 },
      { ...good, id: null },
      { ...good, expires: '2999-01-01' },
      { ...good, expires: false },
      { ...good, expires: {} },
      { role: 'device', id: 'pi-1' },
      { role: 'device', expires: null },
      [good],
      null,
      'device',
    ];
    for (const claims of odd) expect(verdict(signedText(JSON.stringify(claims)))).toBe('token-invalid');
  });
});
