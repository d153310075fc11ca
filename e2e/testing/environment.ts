/** The environment that the tests were started with. */
// biome-ignore lint/style/noProcessEnv: tests have no main.ts that could pass settings in.
export const environment: Record<string, string | undefined> = { ...process.env };
