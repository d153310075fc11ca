import { Type } from 'typebox';

/** How much a process logs; `silent`: nothing. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** As each component's settings name it. */
export const LogLevelSchema = Type.Enum(logLevels, { default: 'info', description: `${logLevels.join(', ')}.` });
