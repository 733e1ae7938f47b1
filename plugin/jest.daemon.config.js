const { createServer } = require('net');

/** A port that nobody uses. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// The tests' page is one of the Grafana that they play: its address has to be known before they begin.
module.exports = async () => {
  const port = Number(process.env.FLEETSCOPE_GRAFANA_PORT ?? (await freePort()));
  process.env.FLEETSCOPE_GRAFANA_PORT = String(port);
  return {
    ...require('./jest.config'),
    testMatch: ['<rootDir>/daemon/**/*.test.ts'],
    testEnvironmentOptions: { url: `http://127.0.0.1:${port}/d/fleet` },
    testTimeout: 300_000,
  };
};
