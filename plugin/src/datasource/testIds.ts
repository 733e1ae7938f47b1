/** Where tests find things. */
export const testIds = {
  filter: (field: string) => `fleetscope-filter-${field}`,
  queryType: 'fleetscope-query-type',
  limit: 'fleetscope-limit',
  live: 'fleetscope-live',
  kind: 'fleetscope-kind',
  url: 'fleetscope-url',
  token: 'fleetscope-token',
  debugToken: 'fleetscope-debug-token',
} as const;
