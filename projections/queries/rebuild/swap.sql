-- Put the rebuilt tables in the place of the old ones.
CREATE SCHEMA sojourn_replaced;
ALTER TABLE sojourn.array SET SCHEMA sojourn_replaced;
ALTER TABLE sojourn.dependency SET SCHEMA sojourn_replaced;
ALTER TABLE sojourn.task SET SCHEMA sojourn_replaced;
ALTER TABLE sojourn.task_instance SET SCHEMA sojourn_replaced;
ALTER TABLE sojourn.wait SET SCHEMA sojourn_replaced;
ALTER TABLE sojourn_rebuild.array SET SCHEMA sojourn;
ALTER TABLE sojourn_rebuild.dependency SET SCHEMA sojourn;
ALTER TABLE sojourn_rebuild.task SET SCHEMA sojourn;
ALTER TABLE sojourn_rebuild.task_instance SET SCHEMA sojourn;
ALTER TABLE sojourn_rebuild.wait SET SCHEMA sojourn;
