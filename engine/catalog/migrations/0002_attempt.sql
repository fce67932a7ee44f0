-- Which attempt of its batch has entered a row: what an earlier one sent, and the server carries out late, changes nothing.

ALTER TABLE catalog.assets ADD COLUMN attempt bigint;
COMMENT ON COLUMN catalog.assets.attempt IS 'which attempt of its batch has entered the row; null: verify has, or an older sluice';
