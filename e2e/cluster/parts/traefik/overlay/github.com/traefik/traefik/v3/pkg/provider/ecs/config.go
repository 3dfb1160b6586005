package ecs // all of it is in ecs.go
