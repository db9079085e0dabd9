-- Create empty tables like the projected ones, without indexes until they are filled.
DROP SCHEMA IF EXISTS sojourn_rebuild CASCADE;
CREATE SCHEMA sojourn_rebuild;
CREATE TABLE sojourn_rebuild.array (LIKE sojourn.array INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE sojourn_rebuild.dependency (LIKE sojourn.dependency INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE sojourn_rebuild.task (LIKE sojourn.task INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE sojourn_rebuild.task_instance (LIKE sojourn.task_instance INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE sojourn_rebuild.wait (LIKE sojourn.wait INCLUDING ALL EXCLUDING INDEXES);
