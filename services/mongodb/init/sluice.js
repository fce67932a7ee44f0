// SPDX-License-Identifier: Apache-2.0
// Run once by the image's entry point, as the administrator, on an empty volume: the users of sluice's database.
function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is required`);
  return value;
}
const name = setting("MONGODB_DATABASE");
const ledger = db.getSiblingDB(name);
// readWrite makes collections and indexes too; validators of those that exist already are changed by collMod.
ledger.createRole({
  role: "sluiceEngine",
  privileges: [{resource: {db: name, collection: ""}, actions: ["collMod"]}],
  roles: [{role: "readWrite", db: name}],
});
ledger.createUser({
  user: setting("MONGODB_USER"),
  pwd: setting("MONGODB_PASSWORD"),
  roles: [{role: "sluiceEngine", db: name}],
});
ledger.createUser({
  user: setting("MONGODB_READER_USER"),
  pwd: setting("MONGODB_READER_PASSWORD"),
  roles: [{role: "read", db: name}],
});
