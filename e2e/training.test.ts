import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { environment } from './testing/environment.ts';
import { mustRun, pythonWith } from './testing/python.ts';

const python = pythonWith('torch', 'onnx', 'tqdm');

test.skipIf(python === undefined && !mustRun)('the training code’s own tests pass (needs PyTorch)', () => {
  expect(
    python,
    'no Python with torch, onnx and tqdm: install python3-torch, python3-onnx, python3-tqdm',
  ).toBeDefined();
  const run = spawnSync(python ?? '', ['-m', 'unittest', 'test_training'], {
    cwd: repositoryFile('training'),
    env: environment,
    encoding: 'utf8',
  });
  expect(run.stderr).toContain('OK');
  expect(run.status).toBe(0);
});
