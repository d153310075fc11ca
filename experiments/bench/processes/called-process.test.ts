import { fileURLToPath } from 'node:url';
import { Type } from 'typebox';
import { afterEach, expect, test } from 'vitest';
import { createParser } from '../../../shared/runtime/schema.ts';
import { type CalledProcess, startCalledProcess } from './called-process.ts';

const script = fileURLToPath(new URL('testing/answering.js', import.meta.url));
const anything = createParser(Type.Unknown(), 'message-invalid', 'answer');
const text = createParser(Type.String(), 'message-invalid', 'answer');
const started: CalledProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.stop();
});

function start(options: { script?: string; launcher?: string[] } = {}): CalledProcess {
  const child = startCalledProcess({ script, launcher: [], ...options });
  started.push(child);
  return child;
}

test('calls that are under way together each get their own answer', async () => {
  const child = start();
  const answers = await Promise.all(['a', 'b', 'c'].map((word) => child.call('echo', word, text)));
  expect(answers).toEqual(['a', 'b', 'c']);
});

test('what fails there fails here with its reason, and the process goes on', async () => {
  const child = start();
  const failed = { code: 'experiment-failed', message: expect.stringContaining('as it was asked to') };
  await expect(child.call('fail', null, anything)).rejects.toMatchObject(failed);
  await expect(child.call('unknown', null, anything)).rejects.toMatchObject({ code: 'experiment-failed' });
  expect(await child.call('echo', 'still there', text)).toBe('still there');
});

test('an answer that is not of the kind that was asked for is refused', async () => {
  await expect(start().call('echo', 7, text)).rejects.toMatchObject({ code: 'message-invalid' });
});

test('a process that ends fails the calls under way and all later ones', async () => {
  const child = start();
  await expect(child.call('leave', null, anything)).rejects.toMatchObject({ code: 'process-failed' });
  await expect(child.call('echo', 'a', text)).rejects.toMatchObject({ code: 'process-failed' });
});

test('a process that cannot be started fails its calls', async () => {
  const child = start({ launcher: ['/no/such/launcher'] });
  await expect(child.call('echo', 'a', text)).rejects.toMatchObject({ code: 'process-failed' });
});

test('a launcher runs the process by its own command', async () => {
  const child = start({ launcher: ['/usr/bin/env', 'ONE=1', 'TWO=2'] });
  expect(await child.call('echo', 'launched', text)).toBe('launched');
});
