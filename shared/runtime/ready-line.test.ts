import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseReadyLine } from './ready-line.ts';

const module = new URL('ready-line.js', import.meta.url).href;

test('what a process announces is one line, which its supervisor reads', () => {
  const addresses = { mqtt: 'mqtt://127.0.0.1:1883', note: 'two\nlines "quoted" é' };
  const script = `import { announceReady } from ${JSON.stringify(module)}; announceReady(${JSON.stringify(addresses)});`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(stdout.split('\n')).toHaveLength(2);
  expect(parseReadyLine(stdout.trimEnd())).toEqual(addresses);
});

test('any other line is none, a ready line that was cut off too', () => {
  const line = 'EDGENT-READY {"http":"http://127.0.0.1:1"}';
  for (let length = 0; length < line.length; length += 1) expect(parseReadyLine(line.slice(0, length))).toBeUndefined();
  const others = [
    '',
    'ready',
    ` ${line}`,
    '{"http":"x"}',
    'EDGENT-READY null',
    'EDGENT-READY []',
    'EDGENT-READY {"port":1}',
  ];
  expect(others.map(parseReadyLine)).toEqual(others.map(() => undefined));
  fc.assert(fc.property(fc.string(), (text) => parseReadyLine(`EDGENT-READY ${text}x`) === undefined));
});
