/** A file that breaks one rule. */
export interface LintFault {
  /** What the file does wrong. */
  readonly title: string;
  /** How the diagnostic names the rule. */
  readonly rule: string;
  readonly path: string;
  readonly text: string;
}

/** A file that does the same where it may be done. */
export type LintExample = Pick<LintFault, 'title' | 'path' | 'text'>;

const value = (from: string) => `import { planted } from '${from}';\nexport const kept = planted;\n`;

/** Each file that imports one module, as [rule, path, module]. */
const forbiddenImports = [
  ['mqtt-only-in-adapters', 'broker/planted-mqtt.ts', 'mqtt'],
  ['mqtt-only-in-adapters', 'device-agent/planted-mqtt.ts', 'mqtt'],
  ['mqtt-only-in-adapters', 'shared/protocol/planted-mqtt.ts', 'mqtt'],
  ['mqtt-only-in-adapters', 'e2e/planted-mqtt.test.ts', 'mqtt/build/index.js'],
  ['native-packages-only-in-adapters', 'edge-worker/planted-onnx.ts', 'onnxruntime-node'],
  ['native-packages-only-in-adapters', 'shared/model/planted-onnx.ts', 'onnxruntime-node'],
  ['native-packages-only-in-adapters', 'device-agent/sources/planted-sharp.ts', 'sharp'],
  ['echarts-only-in-charts', 'cli/commands/planted-chart.ts', 'echarts'],
  ['echarts-only-in-charts', 'shared/adapters/planted-chart.ts', 'echarts/core'],
  ['aedes-and-ws-only-in-broker', 'control-plane/planted-aedes.ts', 'aedes'],
  ['aedes-and-ws-only-in-broker', 'shared/adapters/planted-aedes.ts', 'aedes'],
  ['aedes-and-ws-only-in-broker', 'device-agent/planted-ws.ts', 'ws'],
  ['sqlite-only-in-store', 'control-plane/routes/planted-sqlite.ts', 'better-sqlite3'],
  ['sqlite-only-in-store', 'edge-worker/planted-sqlite.ts', 'better-sqlite3'],
  ['fastify-only-in-control-plane', 'edge-worker/planted-fastify.ts', 'fastify'],
  ['fastify-only-in-control-plane', 'experiments/bench/planted-fastify.ts', 'fastify'],
  ['fastify-only-in-control-plane', 'shared/adapters/planted-fastify.ts', '@fastify/swagger'],
  ['terminal-packages-only-in-cli', 'experiments/planted-commander.ts', 'commander'],
  ['terminal-packages-only-in-cli', 'control-plane/planted-table.ts', 'cli-table3'],
  ['runtime-stands-alone', 'shared/runtime/planted-protocol.ts', '../protocol/topics.ts'],
  ['runtime-stands-alone', 'shared/runtime/planted-model.ts', '../model/tensor.ts'],
  ['runtime-stands-alone', 'shared/runtime/errors/planted-planner.ts', '../../planner/plan.ts'],
  ['runtime-stands-alone', 'shared/runtime/planted-adapters.ts', './../adapters/onnx-session.ts'],
  ['only-components-use-adapters', 'shared/runtime/planted-cache.ts', '../adapters/model-cache.ts'],
  ['only-components-use-adapters', 'shared/protocol/planted-cache.ts', '../adapters/model-cache.ts'],
  ['only-components-use-adapters', 'shared/model/planted-cache.ts', '../adapters/model-cache.ts'],
  ['only-components-use-adapters', 'shared/planner/planted-cache.ts', '../adapters/model-cache.ts'],
  ['planner-is-pure', 'shared/planner/planted-fs.ts', 'node:fs'],
  ['planner-is-pure', 'shared/planner/planted-timers.ts', 'node:timers'],
  ['planner-is-pure', 'shared/planner/planted-clock.ts', '../runtime/clock.ts'],
  ['planner-is-pure', 'shared/planner/planted-file.ts', '../model/read-model.ts'],
  ['protocol-and-model-stay-local', 'shared/protocol/planted-net.ts', 'node:net'],
  ['protocol-and-model-stay-local', 'shared/protocol/planted-process.ts', 'node:child_process'],
  ['protocol-and-model-stay-local', 'shared/model/planted-http.ts', 'node:http'],
  ['protocol-and-model-stay-local', 'shared/model/planted-thread.ts', 'node:worker_threads'],
  ['protocol-reads-no-files', 'shared/protocol/planted-fs.ts', 'node:fs/promises'],
  ['testing-only-from-tests', 'control-plane/planted-helper.ts', './testing/messages.ts'],
  ['testing-only-from-tests', 'cli/commands/planted-helper.ts', '../../shared/testing/random.ts'],
  ['testing-only-from-tests', 'broker/planted-test-import.ts', './main.test.ts'],
  ['dashboard-speaks-protocol-alone', 'control-plane/dashboard/planted-store.ts', '../store/store.ts'],
  ['dashboard-speaks-protocol-alone', 'control-plane/dashboard/planted-runtime.ts', '../../shared/runtime/clock.ts'],
  ['dashboard-speaks-protocol-alone', 'control-plane/dashboard/planted-package.ts', 'typebox'],
  ['imports-are-plain', 'broker/planted-dist.ts', '../dist/control-plane/keys.js'],
  ['imports-are-plain', 'broker/planted-require.ts', 'node:module'],
  ['environment-only-in-main', 'broker/planted-process.ts', 'node:process'],
  ['components-meet-on-the-wire', 'control-plane/fleet/planted-cli.ts', '../../cli/options.ts'],
  ['components-meet-on-the-wire', 'shared/protocol/planted-broker.ts', '../../broker/config.ts'],
  ['lint/correctness/noUndeclaredDependencies', 'broker/planted-undeclared.ts', 'mqtt-packet'],
  ['lint/correctness/noUndeclaredDependencies', 'broker/planted-development.ts', 'fast-check'],
  ['lint/style/useNodejsImportProtocol', 'broker/planted-built-in.ts', 'fs'],
] as const;

/** Every way to import a module, at the example of one rule. */
const waysToImport = {
  type: "import type { Client } from 'aedes';\nexport type Planted = Client;\n",
  effects: "import 'aedes';\n",
  'everything-again': "export * from 'aedes';\n",
  'name-again': "export { Aedes } from 'aedes';\n",
  'type-again': "export type { Client } from 'aedes';\n",
  later: "export const planted = () => import('aedes');\n",
  'type-expression': "export type Planted = import('aedes').Client;\n",
} as const;

const otherFaults: readonly LintFault[] = [
  ...['ignore', 'nocheck', 'expect-error'].map((word) => ({
    title: `an import of another component that @ts-${word} hides from the compiler`,
    rule: 'components-meet-on-the-wire',
    path: `broker/planted-${word}.ts`,
    text: `// @ts-${word}\nexport * from '../control-plane/keys.ts';\n`,
  })),
  {
    title: 'an import whose module is computed',
    rule: 'imports-are-plain',
    path: 'broker/planted-computed.ts',
    text: 'export const planted = (where: string) => import(where);\n',
  },
  {
    title: 'an import whose module is a template',
    rule: 'imports-are-plain',
    path: 'broker/planted-template.ts',
    text: 'export const planted = () => import(`mqtt`);\n',
  },
  {
    title: 'the environment, read in another file than main.ts',
    rule: 'lint/style/noProcessEnv',
    path: 'edge-worker/planted-environment.ts',
    text: 'export const { HOME } = process.env;\n',
  },
  {
    title: 'the environment, read in a test',
    rule: 'lint/style/noProcessEnv',
    path: 'e2e/planted-environment.test.ts',
    text: "export const home = process.env['HOME'];\n",
  },
  {
    title: 'the environment, taken out of the process object',
    rule: 'environment-only-in-main',
    path: 'edge-worker/planted-destructured.ts',
    text: 'const { env } = process;\nexport const planted = env;\n',
  },
  {
    title: 'chance in the planner',
    rule: 'planner-is-pure',
    path: 'shared/planner/planted-chance.ts',
    text: 'export const planted = () => Math.random();\n',
  },
  ...['shared/planner', 'shared/protocol', 'shared/model'].map((folder) => ({
    title: `the time of day in ${folder}`,
    rule: 'lint/style/noRestrictedGlobals',
    path: `${folder}/planted-time.ts`,
    text: 'export const planted = () => Date.now();\n',
  })),
  {
    title: 'a timer in the planner',
    rule: 'lint/style/noRestrictedGlobals',
    path: 'shared/planner/planted-timer.ts',
    text: 'export function planted(then: () => void) {\n  setTimeout(then, 1);\n}\n',
  },
  {
    title: 'a request in the protocol',
    rule: 'lint/style/noRestrictedGlobals',
    path: 'shared/protocol/planted-request.ts',
    text: "export const planted = () => fetch('http://localhost');\n",
  },
  {
    title: 'two files that import each other',
    rule: 'lint/suspicious/noImportCycles',
    path: 'broker/planted-cycle-a.ts',
    text: "import { b } from './planted-cycle-b.ts';\nexport const a = () => b;\n",
  },
  {
    title: 'the other of the two',
    rule: 'lint/suspicious/noImportCycles',
    path: 'broker/planted-cycle-b.ts',
    text: "import { a } from './planted-cycle-a.ts';\nexport const b = () => a;\n",
  },
  {
    title: 'a type that closes a cycle',
    rule: 'lint/suspicious/noImportCycles',
    path: 'broker/planted-cycle-c.ts',
    text: "import type { D } from './planted-cycle-d.ts';\nexport const c: D = 1;\n",
  },
  {
    title: 'the value of that cycle',
    rule: 'lint/suspicious/noImportCycles',
    path: 'broker/planted-cycle-d.ts',
    text: "import { c } from './planted-cycle-c.ts';\nexport type D = number;\nexport const d = c;\n",
  },
  {
    title: 'a default export',
    rule: 'lint/style/noDefaultExport',
    path: 'broker/planted-default.ts',
    text: 'export default 1;\n',
  },
  {
    title: 'a name that is exported as default',
    rule: 'lint/style/noDefaultExport',
    path: 'broker/planted-default-name.ts',
    text: 'const planted = 1;\nexport { planted as default };\n',
  },
  {
    title: 'a file that only exports other files',
    rule: 'lint/performance/noBarrelFile',
    path: 'shared/runtime/planted-barrel.ts',
    text: "export * from './clock.ts';\n",
  },
];

/** What the lint rules must refuse. */
export const lintFaults: readonly LintFault[] = [
  ...forbiddenImports.map(([rule, path, from]) => ({
    title: `${path} imports ${from}`,
    rule,
    path,
    text: value(from),
  })),
  ...Object.entries(waysToImport).map(([way, text]) => ({
    title: `a forbidden module: ${way.replaceAll('-', ' ')}`,
    rule: 'aedes-and-ws-only-in-broker',
    path: `shared/runtime/planted-${way}.ts`,
    text,
  })),
  ...otherFaults,
];

/** The places that each rule leaves open. */
export const lintExamples: readonly LintExample[] = [
  ['shared/adapters/planted-packages.ts', 'mqtt'],
  ['shared/adapters/planted-native.ts', 'onnxruntime-node'],
  ['shared/adapters/charts/planted-chart.ts', 'echarts/charts'],
  ['broker/testing/planted-client.ts', 'mqtt'],
  ['broker/planted-aedes.ts', 'aedes'],
  ['broker/planted-ws.ts', 'ws'],
  ['control-plane/store/planted-sqlite.ts', 'better-sqlite3'],
  ['control-plane/fleet/planted-sqlite.test.ts', 'better-sqlite3'],
  ['control-plane/routes/planted-fastify.ts', 'fastify'],
  ['experiments/bench/rivals/planted-fastify.ts', 'fastify'],
  ['cli/commands/planted-commander.ts', 'commander'],
  ['shared/runtime/errors/planted-own.ts', '../clock.ts'],
  ['shared/testing/planted-session.ts', '../adapters/onnx-session.ts'],
  ['device-agent/planted-session.ts', '../shared/adapters/onnx-session.ts'],
  ['shared/planner/planted-protocol.ts', '../protocol/profile.ts'],
  ['shared/planner/planted-traces.test.ts', 'node:fs'],
  ['shared/model/planted-files.ts', 'node:fs/promises'],
  ['control-plane/planted-helper.test.ts', './testing/messages.ts'],
  ['control-plane/testing/planted-helper.ts', '../../shared/testing/random.ts'],
  ['control-plane/dashboard/planted-protocol.ts', '../../shared/protocol/topics.ts'],
  ['control-plane/dashboard/views/planted-view.ts', '../planted-protocol.ts'],
  ['broker/planted-properties.test.ts', 'fast-check'],
  ['broker/planted/main.ts', 'node:process'],
  ['cli/platform/planted-component.ts', '../../broker/config.ts'],
].map(([path = '', from = '']) => ({ title: `${path} imports ${from}`, path, text: value(from) }));
