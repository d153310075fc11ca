import { type Static, Type } from 'typebox';

/** How much a process logs, as each component's settings name it; `silent`: nothing. */
export const LogLevelSchema = Type.Union(
  [
    Type.Literal('fatal'),
    Type.Literal('error'),
    Type.Literal('warn'),
    Type.Literal('info'),
    Type.Literal('debug'),
    Type.Literal('trace'),
    Type.Literal('silent'),
  ],
  { default: 'info', description: 'fatal, error, warn, info, debug, trace or silent.' },
);
export type LogLevel = Static<typeof LogLevelSchema>;

export const logLevels: readonly LogLevel[] = LogLevelSchema.anyOf.map((level) => level.const);
