// SPDX-License-Identifier: Apache-2.0
// Run once by the image's entry point, as the administrator, on an empty volume: sluice's user in sluice's database.
const {MONGODB_DATABASE: name, MONGODB_USER: user, MONGODB_PASSWORD: password} = process.env;
if (!name || !user || !password) {
  throw new Error("MONGODB_DATABASE, MONGODB_USER and MONGODB_PASSWORD are required");
}
const ledger = db.getSiblingDB(name);
// readWrite makes collections and indexes too; validators of those that exist already are changed by collMod.
ledger.createRole({
  role: "sluiceEngine",
  privileges: [{resource: {db: name, collection: ""}, actions: ["collMod"]}],
  roles: [{role: "readWrite", db: name}],
});
ledger.createUser({user: user, pwd: password, roles: [{role: "sluiceEngine", db: name}]});
