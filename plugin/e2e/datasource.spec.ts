import { expect, test } from '@grafana/plugin-e2e';
import { testIds } from '../src/datasource/testIds';

/** As provisioned by deploy/grafana; FLEETSCOPE_URL is where Grafana's server reaches the daemon. */
const UID = 'fleetscope-feed';
const TYPE = 'underpass-fleetscope-datasource';
const DAEMON = process.env.FLEETSCOPE_URL ?? 'http://fleetscope:8080';
const PROXY = `/api/datasources/proxy/uid/${UID}`;

test('the configuration is saved, and the health check says how the feed comes', async ({
  createDataSourceConfigPage,
  page,
}) => {
  const config = await createDataSourceConfigPage({ type: TYPE });
  await page.getByTestId(testIds.url).fill(DAEMON);
  await page.getByTestId(testIds.token).fill(process.env.FLEETSCOPE_TOKEN ?? 'a-token-that-is-not-known');
  await page.getByRole('button', { name: /save & test/i }).click();
  await expect(config).toHaveAlert(process.env.FLEETSCOPE_TOKEN ? 'success' : 'error');
});

test('a WebSocket to the feed opens through the data source proxy', async ({ page }) => {
  await page.goto('/');
  const hello = await page.evaluate(async (proxy) => {
    const { ticket } = await (await fetch(`${proxy}/feed/api/ticket`)).json();
    return new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}${proxy}/feed/ws`);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'ticket', ticket }));
      socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
      socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    });
  }, PROXY);
  expect(hello).toBe('hello');
});

test('a path of no route brings no token', async ({ page }) => {
  await page.goto('/');
  const status = await page.evaluate(async (proxy) => (await fetch(`${proxy}/api/events`)).status, PROXY);
  expect(status).toBe(401);
});

for (const type of ['Events', 'Agents', 'Stories', 'Consumers']) {
  test(`a query for ${type} gives rows`, async ({ panelEditPage, page }) => {
    await panelEditPage.datasource.set('Fleetscope');
    await panelEditPage.setVisualization('Table');
    await page.getByTestId(testIds.queryType).click();
    await page.getByRole('option', { name: new RegExp(`^${type}`) }).click();
    await expect(panelEditPage.refreshPanel()).toBeOK();
    await expect(panelEditPage.panel.fieldNames).not.toHaveCount(0);
  });
}

test('Explore shows events as log lines', async ({ explorePage, page }) => {
  await explorePage.datasource.set('Fleetscope');
  await page.getByTestId('data-testid RefreshPicker run button').click();
  await expect(page.getByText('Logs', { exact: true }).first()).toBeVisible();
});

test('a variable lists the stories', async ({ variableEditPage, page }) => {
  await variableEditPage.datasource.set('Fleetscope');
  await page.getByTestId(testIds.kind).click();
  await page.getByRole('option', { name: 'Roles' }).click();
  await variableEditPage.runQuery();
  await expect(variableEditPage).toDisplayPreviews([/[A-Z]+/]);
});
